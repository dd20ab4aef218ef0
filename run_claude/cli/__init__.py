"""The command line: parse, call the controller, render. One module per command group, imported when called."""

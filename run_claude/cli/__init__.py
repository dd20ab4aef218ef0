"""The command line: parse, call, render. Each command group has a module, imported when the command is called."""

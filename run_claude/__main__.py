"""`run-claude`, also as `python -m run_claude`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    _open_streams()
    if sys.argv[1:] == ["--version"]:  # asked by scripts, often: answered before anything is imported
        from run_claude import __version__

        sys.stdout.write(f"run-claude {__version__}\n")
        return
    try:
        from run_claude.cli.root import run

        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:  # Ctrl-C before there is anything to cancel
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)


def _open_streams() -> None:
    """Have all three standard streams: where one is closed, the next file that is opened would take its place."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            setattr(sys, name, os.fdopen(descriptor, "w" if descriptor else "r", closefd=False))


if __name__ == "__main__":
    main()

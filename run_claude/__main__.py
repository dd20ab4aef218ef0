"""`run-claude`, also as `python -m run_claude`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
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


if __name__ == "__main__":
    main()

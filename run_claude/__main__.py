"""`run-claude`, also as `python -m run_claude`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from run_claude.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

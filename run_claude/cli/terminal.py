"""Run a command of the user's in our terminal."""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING

import anyio

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from run_claude.cli.context import App
    from run_claude.errors import RunClaudeError

__all__ = ["check_command", "run_in_terminal"]


def check_command(command: str, environ: Mapping[str, str]) -> None:
    """Check that there is a program of this name, before anything is started for it.

    :raises UsageError: if there is none
    """
    import shutil

    path = environ.get("PATH")
    if "/" not in command and shutil.which(command, mode=os.F_OK, path=path) is None:
        raise _not_found(command)


async def run_in_terminal(app: App, command: Sequence[str], environment: dict[str, str]) -> int:
    """Run a command in our terminal and return its exit code; 128 + N for signal N, as shells do."""
    try:
        process = await anyio.open_process(list(command), stdin=None, stdout=None, stderr=None, env=environment)
    except FileNotFoundError as error:
        raise _not_found(command[0]) from error
    except OSError as error:  # no permission, or no program at all
        helps = {errno.EACCES: f"Try `chmod +x {command[0]}`."}
        raise caused(
            "command-not-executable",
            f"{command[0]} cannot be executed: {(error.strerror or str(error)).lower()}.",
            help=helps.get(
                error.errno or 0, "It is no program for this machine, or only half installed: install it again."
            ),
        ) from error

    def forward(number: int) -> None:
        # The terminal already sends Ctrl-C to the command; other signals have to be forwarded.
        if number != signal.SIGINT:
            process.send_signal(signal.Signals(number))

    app.on_signal = forward
    try:
        returncode = await process.wait()
    finally:
        app.on_signal = None
    return returncode if returncode >= 0 else 128 - returncode


def _not_found(command: str) -> RunClaudeError:
    return caused(
        "command-not-found",
        f"Command not found: {command}",
        help="Check the name after --, or install it: Claude Code is `npm install -g @anthropic-ai/claude-code`.",
    )

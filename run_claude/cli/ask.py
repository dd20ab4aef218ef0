"""Questions to the person at the terminal. Ctrl-C answers them, too: nothing here blocks the event loop."""

from __future__ import annotations

import sys

import anyio
import asyncclick as click

from run_claude.errors import UsageError

__all__ = ["ask", "at_terminal", "confirm"]


def at_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def ask(question: str, *, instead: str) -> str:
    """Ask on stderr and return the line that was typed.

    :param instead: the option that answers where there is no terminal: ``--yes``
    :raises UsageError: if there is no terminal
    """
    if not at_terminal():
        raise UsageError(
            "This asks before it goes on, and there is no terminal to ask at.",
            help=f"Answer with {instead} if you are sure.",
            code="not-a-terminal",
        )
    click.echo(f"{question} ", err=True, nl=False)
    await anyio.wait_readable(sys.stdin)  # a terminal hands over whole lines
    return sys.stdin.readline().strip()


async def confirm(question: str, *, instead: str = "--yes") -> bool:
    """Ask a question of yes or no; anything but yes is no.

    :raises UsageError: if there is no terminal
    """
    return (await ask(f"{question} [y/N]", instead=instead)).lower() in ("y", "yes")

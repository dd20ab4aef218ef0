"""Ask the user at the terminal. Nothing here blocks the event loop, so that Ctrl-C works while a question is open."""

from __future__ import annotations

import sys

import anyio
import asyncclick as click

from run_claude.domain.causes import caused
from run_claude.domain.visible import visible

__all__ = ["ask", "ask_secret", "at_terminal", "confirm", "read_secret"]


def at_terminal() -> bool:
    """Whether there is a terminal to ask at."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def ask(question: str, *, instead: str) -> str:
    """Ask a question on stderr and return the line that the user types.

    :param instead: the option that answers without a terminal: ``--yes``
    :raises UsageError: if there is no terminal
    """
    if not at_terminal():
        raise caused(
            "not-a-terminal",
            "This command asks for confirmation, and there is no terminal to ask at.",
            help=f"Pass {instead} if you are sure.",
        )
    click.echo(f"{visible(question)} ", err=True, nl=False)
    await anyio.wait_readable(sys.stdin)  # a terminal becomes readable when a whole line is there
    return sys.stdin.readline().strip()


def ask_secret(question: str) -> str:
    """Ask for a secret at the terminal; what is typed is not shown. Blocks: for commands without an event loop."""
    import getpass

    try:
        return getpass.getpass(f"{visible(question)} ", stream=sys.stderr).strip()
    except EOFError:
        return ""


def read_secret() -> str:
    """Return what standard input gives, to its end and without its last newline. Blocks as :func:`ask_secret` does."""
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


async def confirm(question: str, *, instead: str = "--yes") -> bool:
    """Ask a yes-or-no question; any other answer means no.

    :raises UsageError: if there is no terminal
    """
    return (await ask(f"{question} [y/N]", instead=instead)).lower() in ("y", "yes")

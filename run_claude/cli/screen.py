"""What the output goes to: how wide it is, and whether it shows colours and symbols."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import asyncclick as click

from run_claude.domain.visible import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Screen"]

# What begins a style of ours until it is printed: a text from outside cannot have it.
_OURS = f"\x1b{os.urandom(8).hex()}"
_STYLE = re.compile(r"(\[[0-9;]*m)(.*)", re.DOTALL)
_STYLES: dict[str, dict[str, Any]] = {
    "bold": {"bold": True},
    "dim": {"dim": True},
    "error": {"fg": "red", "bold": True},
    **{colour: {"fg": colour} for colour in ("cyan", "green", "magenta", "red", "yellow")},
}


@dataclass(frozen=True, slots=True)
class Screen:
    """The terminal, pipe or file behind an output stream.

    :param columns: width of the terminal; ``None`` for a pipe or a file, which takes lines of any length
    :param colour: whether to send colours: ``NO_COLOR`` and ``TERM=dumb`` turn them off
    :param terminal: whether a person reads it on a terminal that can draw: symbols, live displays
    """

    columns: int | None = None
    colour: bool = False
    terminal: bool = False

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str]) -> Screen:
        """Return the screen behind a stream."""
        if not stream.isatty():
            return cls()
        able = environ.get("TERM") != "dumb"
        return cls(columns=_columns(stream, environ), colour=able and not environ.get("NO_COLOR"), terminal=able)

    def styled(self, text: str, style: str) -> str:
        """Return the text in a style for :meth:`printable`, or as it is where there are no colours.

        :param style: ``bold``, ``dim``, ``error`` or a colour; the empty string for none
        """
        if not self.colour or not style:
            return text
        return click.style(visible(text), **_STYLES[style]).replace("\x1b", _OURS)

    def printable(self, text: str) -> str:
        """Return the text as it goes out: in our own styles, and with no other control but newline and tab.

        This is the one way to a terminal for whatever comes from outside.
        """
        first, *styled = text.split(_OURS)
        parts = (_STYLE.match(part) for part in styled)
        return visible(first) + "".join(f"\x1b{found[1]}{visible(found[2])}" if found else "" for found in parts)


def _columns(stream: TextIO, environ: Mapping[str, str]) -> int:
    with suppress(ValueError):
        if (columns := int(environ.get("COLUMNS", ""))) > 0:
            return columns
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or 80
    return 80

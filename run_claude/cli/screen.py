"""What the output goes to: how wide it is, and whether it shows colours and symbols."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import asyncclick as click

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Screen"]

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
        """Return the text in a style, or as it is where there are no colours.

        :param style: ``bold``, ``dim``, ``error`` or a colour; the empty string for none
        """
        return click.style(text, **_STYLES[style]) if self.colour and style else text


def _columns(stream: TextIO, environ: Mapping[str, str]) -> int:
    with suppress(ValueError):
        if (columns := int(environ.get("COLUMNS", ""))) > 0:
            return columns
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or 80
    return 80

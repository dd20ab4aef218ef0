"""Tables: the one place that decides how columns are laid out.

Columns are as wide as their content. On a screen that is too narrow, the last column is folded between words if it has
enough room; columns that still do not fit go below their row, one a line. A word is never folded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from run_claude.domain.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.cli.screen import Screen

__all__ = ["Cell", "Column", "fold", "table", "text_width"]

_GAP = "  "
_INDENT = "    "  # of what goes below its row
_READABLE = 24  # columns; folded into fewer, text is harder to read than on lines of its own
_PIECE = re.compile(r"\s*(?:[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+)")  # CJK breaks anywhere


@dataclass(frozen=True, slots=True)
class Column:
    """A column. A table whose columns have no titles has no title row."""

    title: str = ""
    right: bool = False  # aligned to the right, as numbers are


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, or one paragraph of a cell.

    :param style: as :meth:`Screen.styled <run_claude.cli.screen.Screen.styled>` has it
    :param hang: columns that folded lines are indented by
    """

    text: str
    style: str = ""
    hang: int = 0


def table(
    screen: Screen, columns: Sequence[Column], rows: Sequence[Sequence[str | Cell | Sequence[Cell]]]
) -> list[str]:
    """Return the lines of a table.

    :param rows: a cell for each column: a text, a :class:`Cell`, or paragraphs that stand one below the other
    """
    body = [[_paragraphs(cell) for cell in row] for row in rows]
    if any(column.title for column in columns):
        body.insert(0, [(Cell(column.title, "bold"),) for column in columns])
    if not body:
        return []
    widths = [max(text_width(part.text) for row in body for part in row[index]) for index in range(len(columns))]
    beside = _beside(widths, screen.columns)
    room = None if screen.columns is None else screen.columns - sum(width + len(_GAP) for width in widths[:-1])
    lines: list[str] = []
    for row in body:
        count = beside
        # The last column is folded; a row whose longest word does not fit has it below.
        if count == len(widths) and room is not None and max(map(_longest_word, row[-1]), default=0) > room:
            count = max(1, count - 1)
        cells = [_folded(part, room if index == len(widths) - 1 else None) for index, part in enumerate(row[:count])]
        lines += [_line(screen, columns, widths[:count], parts) for parts in zip_longest(*cells, fillvalue=Cell(""))]
        below = None if screen.columns is None else screen.columns - len(_INDENT)
        for paragraphs in row[count:]:
            lines += [
                _INDENT + screen.styled(part.text, part.style) for part in _folded(paragraphs, below) if part.text
            ]
    return lines


def fold(text: str, columns: int | None, hang: int = 0) -> list[str]:
    """Fold a text between words into lines of so many columns; a longer word stays whole.

    :param columns: ``None`` for no limit
    :param hang: columns by which all lines but the first are indented
    """
    if columns is None or text_width(text) <= columns:
        return [text]
    lines, line = [], ""
    for piece in _PIECE.findall(text):
        if line.strip() and text_width(line + piece) > columns:
            lines.append(line)
            line = " " * hang + piece.lstrip()
        else:
            line += piece
    return [*lines, line]


def text_width(text: str) -> int:
    """Return how many columns of a terminal a text takes: CJK takes two each, combining marks none."""
    if text.isascii():
        return len(text)
    import unicodedata  # 3 ms

    return sum(
        0
        if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def _paragraphs(cell: str | Cell | Sequence[Cell]) -> Sequence[Cell]:
    cells = (Cell(cell),) if isinstance(cell, str) else (cell,) if isinstance(cell, Cell) else cell
    if all(part.text.isprintable() for part in cells):
        return cells
    return [replace(part, text=visible(part.text, one_line=True)) for part in cells]


def _beside(widths: Sequence[int], columns: int | None) -> int:
    """Return how many columns have room beside each other."""
    if columns is None:
        return len(widths)
    begin = 0
    for index, width in enumerate(widths):
        last = index == len(widths) - 1
        if begin + width > columns and not (last and columns - begin >= _READABLE):
            return max(1, index)
        begin += width + len(_GAP)
    return len(widths)


def _longest_word(part: Cell) -> int:
    return max((text_width(piece.strip()) for piece in _PIECE.findall(part.text)), default=0)


def _folded(parts: Sequence[Cell], columns: int | None) -> list[Cell]:
    return [Cell(line, part.style) for part in parts for line in fold(part.text, columns, part.hang)]


def _line(screen: Screen, columns: Sequence[Column], widths: Sequence[int], cells: Sequence[Cell]) -> str:
    parts = []
    for column, width, cell in zip(columns, widths, cells, strict=False):  # what goes below has columns, too
        blank, text = " " * (width - text_width(cell.text)), screen.styled(cell.text, cell.style)
        parts.append(blank + text if column.right else text + blank)
    return _GAP.join(parts).rstrip()

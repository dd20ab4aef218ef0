"""Read a JSON state file: one that is broken names its field, and counts as missing.

Nothing in these files is needed to start again, so a broken one is never an error. Typed accessors instead of a
library that validates: importing msgspec takes 13 ms, a tenth of a whole `status`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from run_claude.config.files import read_bytes
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Broken", "Fields", "decode", "load"]

T = TypeVar("T")

_LARGEST = 1e18  # not infinity, nor an integer beyond what a float can hold


class Broken(ValueError):
    """A field that is missing or is of another type; the message names it."""


class Fields:
    """The fields of a JSON object. Each accessor raises :class:`Broken` for a missing field or one of another type."""

    def __init__(self, row: object, path: str = "") -> None:
        if not isinstance(row, dict):
            raise Broken(f"{path or 'the content'} is not an object")
        self._row: dict[str, Any] = row
        self._prefix = f"{path}." if path else ""

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string."""
        value = self._row.get(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def number(self, name: str) -> float:
        """Return a number."""
        return self._number(name, self._row.get(name))

    def whole(self, name: str) -> int:
        """Return an integer."""
        value = self._row.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "an integer")
        return value

    def switch(self, name: str) -> bool:
        """Return a Boolean."""
        value = self._row.get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a list of numbers."""
        values = self._row.get(name)
        if not isinstance(values, list):
            raise self._wrong(name, "a list")
        return tuple(self._number(f"{name}[{index}]", value) for index, value in enumerate(values))

    def texts(self, name: str) -> dict[str, str]:
        """Return an object of strings; a missing one is empty."""
        inner = Fields(self._row.get(name, {}), f"{self._prefix}{name}")
        return {key: inner.text(key) for key in inner}

    def child(self, name: str) -> Fields:
        """Return an object."""
        return Fields(self._row.get(name), f"{self._prefix}{name}")

    def optional(self, name: str) -> Fields | None:
        """Return an object, or ``None`` for null."""
        return None if self._row.get(name) is None else self.child(name)

    def all(self) -> dict[str, Any]:
        """Return every field as it is."""
        return self._row

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def _number(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
            raise self._wrong(name, "a number")
        return float(value)

    def _wrong(self, name: str, wanted: str) -> Broken:
        known = name.partition("[")[0] in self._row
        return Broken(f"{self._prefix}{name} is {f'not {wanted}' if known else 'missing'}")


def decode(data: bytes | str, parse: Callable[[Fields], T]) -> T:
    """Return what ``parse`` makes of a JSON object.

    :raises Broken: naming the field, if it cannot be parsed
    """
    try:
        row = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Broken("the content is not JSON") from error
    return parse(Fields(row))


def load(path: Path, parse: Callable[[Fields], T]) -> tuple[T | None, str]:
    """Return what ``parse`` makes of a file, and a note that is empty unless the file is broken.

    A missing file and a broken one are both ``None``.
    """
    try:
        data = read_bytes(path)
    except ConfigError as error:
        return None, error.message
    if data is None:
        return None, ""
    try:
        return decode(data, parse), ""
    except Broken as error:
        return None, f"{path} is ignored: {error}. The next start writes a new one."

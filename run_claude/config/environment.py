"""Look up variables in the process environment, then in `.env`, and say where a value comes from."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from run_claude.config import dotenv
from run_claude.config.env_store import beside
from run_claude.config.files import read_text
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Environment", "EnvironmentFile"]


@dataclass(frozen=True, slots=True)
class Environment:
    """The user's variables. One that is empty in the process environment counts as unset: the file's value applies.

    :param file: the values of `.env` and, where it has none, of our own file beside it, each with its line
    :param ours: the names whose value is in our own file
    """

    path: Path
    process: Mapping[str, str] = field(repr=False)
    file: Mapping[str, tuple[str, int]] = field(repr=False)
    ours: frozenset[str] = frozenset()

    @classmethod
    def load(cls, process: Mapping[str, str], path: Path) -> Environment:
        """Return the environment with the file's current content. A missing file counts as empty.

        :raises ConfigError: if the file cannot be read, or a line is not an assignment
        """
        text = read_text(path)
        own = read_text(beside(path)) if beside(path).exists() else None
        theirs = dotenv.values(text, str(path), process) if text else {}
        if not own:
            return cls(path, process, theirs)
        ours = dotenv.values(own, str(beside(path)), process)
        return cls(path, process, ours | theirs, frozenset(ours.keys() - theirs.keys()))

    def get(self, name: str) -> str:
        """Return the value of a variable, empty if it is not set.

        :raises ConfigError: if the value is not UTF-8
        """
        value = self.process.get(name) or (self.file[name][0] if name in self.file else "")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise caused(
                "config-invalid", f"{self.origin(name)} is not UTF-8 text.", help=f"Set {name} again, as UTF-8."
            ) from error
        return value

    def from_file(self, name: str) -> str:
        """Return the value in the file, empty if the file does not set it."""
        return self.file[name][0] if name in self.file else ""

    def origin(self, name: str) -> str:
        """Return where a value comes from, for a message: ``/path/.env:3: NAME``, or the environment."""
        if not self.process.get(name) and name in self.file:
            return f"{self.where(name)}:{self.file[name][1]}: {name}"
        return f"{name} (in the environment)"

    def where(self, name: str) -> Path:
        """Return the file that sets a variable, or would set it."""
        return beside(self.path) if name in self.ours else self.path

    def facts(self, name: str) -> dict[str, object]:
        """Return the same as facts."""
        if not self.process.get(name) and name in self.file:
            return {"file": str(self.where(name)), "line": self.file[name][1], "key": name}
        return {"key": name}

    def names(self) -> Iterator[str]:
        """Yield the name of each variable that is set."""
        for name in {**self.file, **self.process}:
            if self.get(name):
                yield name


class EnvironmentFile:
    """`.env` under a process environment: read at its first use, and again only after the file has changed."""

    def __init__(self, process: Mapping[str, str], path: Path) -> None:
        self._process = process
        self._path = path
        self._known: tuple[object, Environment] | None = None

    def load(self) -> Environment:
        """Return the environment with the file as it is now; a missing one is an empty one.

        :raises ConfigError: if the file cannot be read, or a line is not an assignment
        """
        mark = self._mark()
        if self._known is None or self._known[0] != mark:
            self._known = mark, Environment.load(self._process, self._path)
        return self._known[1]

    def _mark(self) -> object:
        """Return what differs once one of the files has changed."""
        return _mark(self._path), _mark(beside(self._path))


def _mark(path: Path) -> object:
    """Return what differs once a file has changed. A pipe gives its content once: it never changes."""
    try:
        found = path.stat()
    except OSError:
        return None
    content = (found.st_size, found.st_mtime_ns, found.st_ctime_ns) if stat.S_ISREG(found.st_mode) else ()
    return (found.st_dev, found.st_ino, *content)

"""The process environment over the `.env` file: what a name is set to, and where that comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from run_claude.config import dotenv
from run_claude.config.files import read_text
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Environment"]


@dataclass(frozen=True, slots=True)
class Environment:
    """What the user has set. An empty variable of the process counts as unset, so that the file's value stays."""

    path: Path
    process: Mapping[str, str] = field(repr=False)
    file: Mapping[str, tuple[str, int]] = field(repr=False)

    @classmethod
    def load(cls, process: Mapping[str, str], path: Path) -> Environment:
        """Return the environment with the file as it is now; a missing one is an empty one.

        :raises ConfigError: if the file cannot be read, naming the line that is no assignment
        """
        text = read_text(path)
        return cls(path, process, dotenv.values(text, str(path), process) if text else {})

    def get(self, name: str) -> str:
        """Return what a name is set to; empty if it is not.

        :raises ConfigError: if the value is no text
        """
        value = self.process.get(name) or (self.file[name][0] if name in self.file else "")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ConfigError(f"{self.origin(name)} is not UTF-8 text.", help=f"Set {name} anew.") from error
        return value

    def from_file(self, name: str) -> str:
        """Return what the file alone sets a name to; empty if it does not."""
        return self.file[name][0] if name in self.file else ""

    def origin(self, name: str) -> str:
        """Return where a name's value comes from, for an error: ``/path/.env:3: NAME``, or the environment."""
        if not self.process.get(name) and name in self.file:
            return f"{self.path}:{self.file[name][1]}: {name}"
        return f"{name} (in the environment)"

    def facts(self, name: str) -> dict[str, object]:
        """Return the same for machines."""
        if not self.process.get(name) and name in self.file:
            return {"file": str(self.path), "line": self.file[name][1], "key": name}
        return {"key": name}

    def names(self) -> Iterator[str]:
        """Yield each name that is set."""
        for name in {**self.file, **self.process}:
            if self.get(name):
                yield name

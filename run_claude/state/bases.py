"""Which image each base image's tag was at the last build or pull, on disk: a tag may be another image tomorrow."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from run_claude.config.files import write_atomic
from run_claude.state import reader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Base", "load_bases", "record_base"]


@dataclass(frozen=True, slots=True)
class Base:
    """What a tag was.

    :param digest: the registry's digest; the engine's ID of an image that came from no registry
    :param before: the digest until then, if it was another one; empty if it was not
    """

    digest: str
    before: str = ""

    @property
    def words(self) -> str:
        """Both, as short as they can be told apart."""
        return f"{_short(self.before)} → {_short(self.digest)}"


def load_bases(path: Path) -> Mapping[str, Base]:
    """Return what is known of each reference; a broken file counts as none."""
    return reader.load(path, _bases)[0] or {}


def record_base(path: Path, reference: str, digest: str) -> Base:
    """Take note of what a tag is now, and return it.

    :raises ConfigError: if it cannot be written
    """
    known = load_bases(path)
    last = known.get(reference)
    base = Base(digest, last.digest if last is not None and last.digest != digest else "")
    if base != last:
        rows = {name: asdict(other) for name, other in {**known, reference: base}.items()}
        write_atomic(path, json.dumps(rows, indent=1) + "\n")
    return base


def _bases(row: reader.Fields) -> dict[str, Base]:
    children = {name: row.child(name) for name in row}
    return {name: Base(child.text("digest"), child.text("before", "")) for name, child in children.items()}


def _short(digest: str) -> str:
    return digest[: len("sha256:") + 12]

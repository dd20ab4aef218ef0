"""Which files the containers' volumes were given, on disk, as hashes: what differs has yet to be handed over."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from run_claude.config.files import write_if_changed
from run_claude.state import reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from run_claude.domain.container_files import ContainerFiles

__all__ = ["Delivered", "doubt_delivered", "forget_delivered", "load_delivered", "record_delivered", "undelivered"]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What an engine's volumes were given.

    :param engine: its endpoint
    :param volumes: the hash of each file by its name, by volume
    """

    engine: str = ""
    volumes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def load_delivered(path: Path) -> Delivered:
    """Return what was delivered. A broken file counts as none: all is handed over again."""
    return reader.load(path, _delivered)[0] or Delivered()


def record_delivered(path: Path, engine: str, volumes: Iterable[ContainerFiles]) -> None:
    """Remember that the volumes of this engine have these files now; others in them stay as they were.

    :raises ConfigError: if it cannot be written
    """
    known = _known(path, engine)
    for content in volumes:
        known[content.volume] = {**known.get(content.volume, {}), **content.digests()}
    _save(path, engine, known)


def doubt_delivered(path: Path, engine: str, volumes: Iterable[ContainerFiles]) -> None:
    """Forget what these files were: they are about to be written anew, which may end at any moment.

    :raises ConfigError: if it cannot be written
    """
    known = {volume: dict(files) for volume, files in _known(path, engine).items()}
    for content in volumes:
        for name in content.digests():
            known.get(content.volume, {}).pop(name, None)
    _save(path, engine, known)


def forget_delivered(path: Path) -> None:
    """Take note that the volumes are gone.

    :raises OSError: if the file cannot be removed
    """
    path.unlink(missing_ok=True)


def undelivered(path: Path, volumes: Iterable[ContainerFiles], *, engine: str | None = None) -> list[str]:
    """Return the names of the files that the volumes were not given as they are now.

    :param engine: whose volumes; ``None`` for those of the engine that was given files last
    """
    found = load_delivered(path)
    known = found.volumes if engine in (None, found.engine) else {}
    return [
        name
        for content in volumes
        for name, digest in content.digests().items()
        if known.get(content.volume, {}).get(name) != digest
    ]


def _known(path: Path, engine: str) -> dict[str, Mapping[str, str]]:
    found = load_delivered(path)
    return dict(found.volumes) if found.engine == engine else {}


def _save(path: Path, engine: str, volumes: Mapping[str, Mapping[str, str]]) -> None:
    write_if_changed(path, json.dumps({"engine": engine, "volumes": volumes}, sort_keys=True) + "\n")


def _delivered(row: reader.Fields) -> Delivered:
    volumes = row.child("volumes")
    return Delivered(engine=row.text("engine"), volumes={name: volumes.texts(name) for name in volumes})

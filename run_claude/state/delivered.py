"""Which files the containers' volumes were given, on disk, as hashes: what differs has yet to be handed over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from run_claude.config.files import write_if_changed
from run_claude.state import reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from run_claude.domain.container_files import ContainerFiles

__all__ = ["forget_delivered", "load_delivered", "record_delivered", "undelivered"]


def load_delivered(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Return the hash of each file by its name, by volume. A broken file counts as none: all is handed over again."""
    return reader.load(path, lambda row: {volume: row.texts(volume) for volume in row})[0] or {}


def record_delivered(path: Path, volumes: Iterable[ContainerFiles]) -> None:
    """Remember that the volumes have these files now; others in them stay as they were.

    :raises ConfigError: if it cannot be written
    """
    known = {volume: dict(files) for volume, files in load_delivered(path).items()}
    for content in volumes:
        known[content.volume] = {**known.get(content.volume, {}), **content.digests()}
    write_if_changed(path, json.dumps(known, sort_keys=True) + "\n")


def forget_delivered(path: Path) -> None:
    """Take note that the volumes are gone."""
    path.unlink(missing_ok=True)


def undelivered(path: Path, volumes: Iterable[ContainerFiles]) -> list[str]:
    """Return the names of the files that the volumes were not given as they are now."""
    known = load_delivered(path)
    return [
        name
        for content in volumes
        for name, digest in content.digests().items()
        if known.get(content.volume, {}).get(name) != digest
    ]

"""The folders that `set-folder` has written to, on disk: a block in a direnv file is found again only by its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.files import exclusive, write_if_changed
from run_claude.state import reader

if TYPE_CHECKING:
    from run_claude.config.paths import Paths

__all__ = ["forget_folder", "load_folders", "record_folder"]


def load_folders(paths: Paths) -> tuple[Path, ...]:
    """Return the folders; a missing or broken file counts as none."""
    names = reader.load(paths.folders_file, lambda row: tuple(row.texts("folders")))[0] or ()
    return tuple(Path(name) for name in names)


def record_folder(paths: Paths, folder: Path) -> None:
    """Remember that a folder's direnv file has a block of ours.

    :raises ConfigError: if it cannot be written
    """
    with exclusive(paths.state):
        _write(paths, {*load_folders(paths), folder})


def forget_folder(paths: Paths, folder: Path) -> None:
    """Take note that it has none any more. Makes no file where there is none.

    :raises ConfigError: if it cannot be written
    """
    if folder in load_folders(paths):
        with exclusive(paths.state):
            _write(paths, {*load_folders(paths)} - {folder})


def _write(paths: Paths, folders: set[Path]) -> None:
    row = {"folders": {str(folder): "" for folder in sorted(folders)}}
    write_if_changed(paths.folders_file, json.dumps(row) + "\n")

"""Where values are written: into `.env`, or into a file of our own beside it where `.env` is not ours to replace.

A password manager's named pipe, a link into another file system, a file that is read-only or belongs to another user:
such a `.env` is read, and nothing else. What stands in it goes before what stands in ours.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from run_claude.config import dotenv
from run_claude.config.files import read_text, write_atomic
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["beside", "foreign", "keeper", "set_values", "unset_values"]


def beside(path: Path) -> Path:
    """Return the file of our own beside a `.env`."""
    return path.with_name(f"{path.name}.run-claude")


def keeper(path: Path) -> Path:
    """Return the file that takes values: the `.env` itself, or ours beside it."""
    return beside(path) if foreign(path) else path


def foreign(path: Path) -> str:
    """Return why a `.env` is not ours to replace, in words; empty if it is, or if there is none."""
    try:
        found, folder = path.stat(), path.parent.stat()
    except OSError:
        return ""
    if not stat.S_ISREG(found.st_mode):
        return "is a named pipe" if stat.S_ISFIFO(found.st_mode) else "is no regular file"
    if found.st_dev != folder.st_dev:
        return "is in another file system"
    if found.st_uid != os.geteuid() and not (os.geteuid() == 0 and found.st_uid == folder.st_uid):
        return "belongs to another user"  # root in the folder of a user keeps that user as the owner
    if not found.st_mode & stat.S_IWUSR or not os.access(path, os.W_OK):
        return "is read-only"
    return ""


def set_values(path: Path, changes: Mapping[str, str], *, always: bool = True) -> Path:
    """Write values into the file that takes them; everything else in it stays unchanged. Return that file.

    :param path: the `.env`
    :param always: whether to refuse a value that the `.env` would override
    :raises ConfigError: if the file cannot be read or written, or a value would be overridden
    """
    why, target = foreign(path), keeper(path)
    if why and always:
        _refuse_theirs(path, why, changes)
    write_atomic(target, dotenv.set_values(read_text(target) or "", str(target), changes))
    return target


def unset_values(path: Path, names: Iterable[str]) -> tuple[Path, list[str]]:
    """Remove values from the file that takes them. Return that file, and the names that were in it.

    :param path: the `.env`
    :raises ConfigError: if the file cannot be read or written, or one of them is in a `.env` that is not ours to change
    """
    wanted = list(dict.fromkeys(names))
    why, target = foreign(path), keeper(path)
    if why:
        _refuse_theirs(path, why, wanted)
    text = read_text(target) or ""
    there = {entry.name for entry in dotenv.parse(text, str(target))}
    removed = [name for name in wanted if name in there]
    if removed:
        write_atomic(target, dotenv.unset_values(text, str(target), removed))
    return target, removed


def _refuse_theirs(path: Path, why: str, names: Iterable[str]) -> None:
    theirs = {entry.name for entry in dotenv.parse(read_text(path) or "", str(path))}
    if set_there := sorted(theirs & set(names)):
        raise caused(
            "file-unwritable",
            f"{', '.join(set_there)} is set in {path}, which {why}: run-claude does not write it.",
            help="Change it there.",
            facts={"file": str(path), "keys": set_there},
        )

"""Verify a backup: every byte of the file before it is restored, and the rows of every table after that."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from typing import TYPE_CHECKING

from run_claude.database.archive import CHUNK, FORMAT, MANIFEST, Manifest, Part
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from run_claude.errors import RunClaudeError

__all__ = ["verify_file", "verify_rows"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,49}")  # the name and the version go into SQL
_VERSION = re.compile(r"[A-Za-z0-9.-]*")
_LARGEST_MANIFEST = 1 << 24  # bytes; ours are smaller


def verify_file(path: Path) -> Manifest:
    """Check every byte of a backup, and return its manifest.

    :raises DataError: if the file is not a backup, is truncated, or has changed since it was written
    """
    try:
        with tarfile.open(path, "r:") as tar:
            members = {member.name: member for member in tar.getmembers()}
            found = members.get(MANIFEST)
            if found is None or found.size > _LARGEST_MANIFEST or (file := tar.extractfile(found)) is None:
                raise _invalid(path, "has no manifest: it is truncated, or is not a backup of run-claude")
            row = json.loads(file.read())
            if row.pop("format") != FORMAT:
                raise _invalid(path, "has a format that this release does not support")
            parts = tuple(Part(**part) for part in row.pop("parts"))
            for part in parts:
                if not _NAME.fullmatch(part.database) or not _VERSION.fullmatch(part.timescaledb):
                    raise ValueError
                member = members[part.name]
                if member.size != part.bytes or _digest(tar, member) != part.sha256:
                    raise _invalid(path, f"is damaged: the checksum of {part.name} is wrong")
            if not parts:
                raise _invalid(path, "contains no database")
            return Manifest(**row, parts=parts, path=str(path), bytes=path.stat().st_size)
    except OSError as error:
        raise _invalid(path, f"cannot be read ({(error.strerror or str(error)).lower()})") from error
    except (tarfile.TarError, ValueError, LookupError, TypeError, AttributeError, EOFError) as error:
        raise _invalid(path, "is not a backup of run-claude, or is truncated") from error


def verify_rows(part: Part, found: Mapping[str, int]) -> None:
    """Check that a restored database has the rows that were backed up.

    :param found: number of rows by table
    :raises DataError: with the tables that differ
    """
    if found == part.tables:
        return
    wrong = sorted(table for table in found.keys() | part.tables.keys() if found.get(table) != part.tables.get(table))
    raise caused(
        "restore-failed",
        f"{part.database} has different row counts than the backup: {', '.join(wrong)}.",
        help="Nothing was replaced, and the old data is still in place. Try another backup.",
        facts={"tables": wrong},
    )


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    digest, file = hashlib.sha256(), tar.extractfile(member)
    while file is not None and (chunk := file.read(CHUNK)):
        digest.update(chunk)
    return digest.hexdigest()


def _invalid(path: Path, what: str) -> RunClaudeError:
    return caused(
        "backup-invalid",
        f"{path} {what}.",
        help="Choose a file that `run-claude db backup` has written. Nothing was changed.",
        facts={"file": str(path)},
    )

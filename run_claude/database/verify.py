"""Verify a backup: every byte of the file before it is restored, and the rows of every table after that."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from typing import TYPE_CHECKING

from run_claude.database.archive import CHUNK, MANIFEST, READABLE, Manifest, Part, members, open_tar
from run_claude.domain.causes import caused
from run_claude.state.reader import Broken, Fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from run_claude.errors import RunClaudeError

__all__ = ["invalid", "verify_file", "verify_rows"]

_LONGEST_NAME = 63  # bytes; PostgreSQL would cut it off
_VERSION = re.compile(r"[A-Za-z0-9.-]*")
_LARGEST_MANIFEST = 1 << 24  # bytes; ours are smaller
_LATEST = 1e11  # seconds since the epoch: what a clock can show


def verify_file(path: Path) -> Manifest:
    """Check every byte of a backup, and return its manifest.

    :raises DataError: if the file is not a backup, is truncated, or has changed since it was written
    """
    try:
        with open_tar(path) as tar:
            found = members(tar)
            manifest = found.get(MANIFEST)
            if manifest is None or manifest.size > _LARGEST_MANIFEST or (file := tar.extractfile(manifest)) is None:
                raise invalid(path, "has no manifest: it is truncated, or is not a backup of run-claude")
            row = Fields(json.loads(file.read()))
            if row.text("format") not in READABLE:
                raise invalid(path, "has a format that this release does not support")
            parts = tuple(_part(part) for part in _objects(row, "parts"))
            for part in parts:
                member = found[part.name]
                if member.size != part.bytes or _digest(tar, member) != part.sha256:
                    raise invalid(path, f"is damaged: the checksum of {part.name} is wrong")
            if not parts or len({part.database for part in parts}) < len(parts):
                raise invalid(path, "contains no database" if not parts else "contains a database twice")
            if not 0 <= (created := row.number("created")) < _LATEST:
                raise ValueError
            return Manifest(
                instance=row.text("instance"),
                created=created,
                server=row.text("server"),
                parts=parts,
                salt=row.text("salt", ""),
                roles=tuple(role.all() for role in _objects(row, "roles")),
                path=str(path),
                bytes=path.stat().st_size,
            )
    except OSError as error:
        raise invalid(path, f"cannot be read ({(error.strerror or str(error)).lower()})") from error
    except (tarfile.TarError, ValueError, LookupError, EOFError, RecursionError) as error:
        raise invalid(path, "is not a backup of run-claude, or is truncated") from error


def _part(row: Fields) -> Part:
    name, version = row.text("database"), row.text("timescaledb")
    if not 0 < len(name.encode()) <= _LONGEST_NAME or "\0" in name or not _VERSION.fullmatch(version):
        raise ValueError
    counts = row.child("tables")
    return Part(
        database=name,
        bytes=row.whole("bytes"),
        sha256=row.text("sha256"),
        timescaledb=version,
        tables={table: counts.whole(table) for table in counts},
        around=(row.optional("around") or Fields({})).all(),
    )


def _objects(row: Fields, name: str) -> list[Fields]:
    """Return a list of objects; a missing one is empty."""
    found = row.all().get(name, [])
    if not isinstance(found, list):
        raise Broken(f"{name} is not a list")
    return [Fields(item, name) for item in found]


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


def invalid(path: Path, what: str) -> RunClaudeError:
    """Return the error about a file that is no backup."""
    return caused(
        "backup-invalid",
        f"{path} {what}.",
        help="Choose a file that `run-claude db backup` has written. Nothing was changed.",
        facts={"file": str(path)},
    )

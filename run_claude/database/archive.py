"""A backup's file: a plain tar of one ``pg_dump -Fc`` for each database, and a manifest at its end.

The manifest comes last, so a file that was cut off has none. Any tar opens it, and ``pg_restore`` takes its parts.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING

from run_claude.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Manifest", "Part", "Writer", "read_manifest", "read_part"]

_FORMAT = "run-claude backup 1"
_MANIFEST = "manifest.json"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,49}")  # both go into SQL
_VERSION = re.compile(r"[A-Za-z0-9.-]*")
_CHUNK = 1 << 18
_LARGEST_MANIFEST = 1 << 24  # bytes; what is larger is none of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One database in a backup.

    :param timescaledb: version of the extension; empty without
    :param tables: rows by table, counted in the snapshot that was dumped
    """

    database: str
    bytes: int
    sha256: str
    timescaledb: str
    tables: dict[str, int]

    @property
    def name(self) -> str:
        """The member's name in the file."""
        return f"{self.database}.dump"

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(self.tables.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds."""

    instance: str
    created: float  # seconds since the epoch
    server: str
    parts: tuple[Part, ...]
    path: str = field(default="", compare=False)
    bytes: int = field(default=0, compare=False)  # of the file


class Writer:
    """Writes a backup as it streams in. A part's size stands before it in a tar, so it is put there afterwards."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._parts: list[Part] = []

    @contextmanager
    def part(self, database: str) -> Iterator[_Open]:
        """Yield what takes a database's dump; set its ``timescaledb`` and ``tables`` before the block ends."""
        header_at = self._file.tell()
        self._file.write(bytes(tarfile.BLOCKSIZE * 3))  # the longest header: a size over 8 GB takes a pax record
        opened = _Open(self._file)
        yield opened
        part = Part(
            database=database,
            bytes=opened.bytes,
            sha256=opened.digest.hexdigest(),
            timescaledb=opened.timescaledb,
            tables=opened.tables,
        )
        end = self._file.tell()
        self._file.seek(header_at)
        self._file.write(_header(part.name, part.bytes))
        self._file.seek(end)
        self._pad()
        self._parts.append(part)

    def finish(self, *, instance: str, server: str) -> Manifest:
        """Write the manifest and make everything durable."""
        manifest = Manifest(instance=instance, created=time.time(), server=server, parts=tuple(self._parts))
        row = asdict(manifest) | {"format": _FORMAT}
        del row["path"], row["bytes"]
        data = json.dumps(row, indent=1).encode() + b"\n"
        self._file.write(_header(_MANIFEST, len(data)) + data)
        self._pad()
        self._file.write(bytes(tarfile.BLOCKSIZE * 2))
        self._file.flush()
        os.fsync(self._file.fileno())
        return manifest

    def _pad(self) -> None:
        self._file.write(bytes(-self._file.tell() % tarfile.BLOCKSIZE))


class _Open:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.bytes = 0
        self.digest = hashlib.sha256()
        self.timescaledb = ""
        self.tables: dict[str, int] = {}

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.digest.update(chunk)
        self.bytes += len(chunk)


def _header(name: str, size: int) -> bytes:
    """Return a member's header, always three blocks long: a pax record that says something makes it so."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    info.pax_headers = {"comment": _FORMAT}
    return info.tobuf(tarfile.PAX_FORMAT)


def read_manifest(path: Path) -> Manifest:
    """Return what a backup holds, after every byte of it was checked.

    :raises DataError: if it is no backup of ours, was cut off or has changed
    """
    try:
        with tarfile.open(path, "r:") as tar:
            members = {member.name: member for member in tar.getmembers()}
            found = members.get(_MANIFEST)
            if found is None or found.size > _LARGEST_MANIFEST or (file := tar.extractfile(found)) is None:
                raise _invalid(path, "has no manifest: it was cut off, or is no backup of run-claude's")
            row = json.loads(file.read())
            if row.pop("format") != _FORMAT:
                raise _invalid(path, "is of a format that this release does not know")
            parts = tuple(Part(**part) for part in row.pop("parts"))
            for part in parts:
                if not _NAME.fullmatch(part.database) or not _VERSION.fullmatch(part.timescaledb):
                    raise ValueError
                member = members[part.name]
                if member.size != part.bytes or _digest(tar, member) != part.sha256:
                    raise _invalid(path, f"is damaged: {part.name} is not what was written")
            if not parts:
                raise _invalid(path, "holds no database")
            return Manifest(**row, parts=parts, path=str(path), bytes=path.stat().st_size)
    except OSError as error:
        raise _invalid(path, f"cannot be read ({(error.strerror or str(error)).lower()})") from error
    except (tarfile.TarError, ValueError, LookupError, TypeError, AttributeError, EOFError) as error:
        raise _invalid(path, "is no backup of run-claude's, or was cut off") from error


def read_part(path: Path, part: Part) -> Iterator[bytes]:
    """Yield a part's bytes."""
    with tarfile.open(path, "r:") as tar:
        file = tar.extractfile(part.name)
        while file is not None and (chunk := file.read(_CHUNK)):
            yield chunk


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    digest, file = hashlib.sha256(), tar.extractfile(member)
    while file is not None and (chunk := file.read(_CHUNK)):
        digest.update(chunk)
    return digest.hexdigest()


def _invalid(path: Path, what: str) -> DataError:
    return DataError(
        f"{path} {what}.",
        help="Choose a file that `run-claude db backup` has written. Nothing was changed.",
        code="backup-invalid",
        facts={"file": str(path)},
    )

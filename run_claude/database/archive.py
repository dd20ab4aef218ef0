"""The file format of a backup: a plain tar with a ``pg_dump -Fc`` of each database, and a manifest at its end.

The manifest comes last, so a truncated file has none. Any tar opens the file, and ``pg_restore`` reads its parts.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CHUNK", "FORMAT", "MANIFEST", "Manifest", "Part", "Writer", "read_part"]

FORMAT = "run-claude backup 1"
MANIFEST = "manifest.json"
CHUNK = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One database in a backup.

    :param timescaledb: version of the extension; empty if it is not installed
    :param tables: number of rows by table, counted in the snapshot that was dumped
    """

    database: str
    bytes: int
    sha256: str
    timescaledb: str
    tables: dict[str, int]

    @property
    def name(self) -> str:
        """Name of the member in the tar."""
        return f"{self.database}.dump"

    @property
    def rows(self) -> int:
        """Number of rows in all tables."""
        return sum(self.tables.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of a backup."""

    instance: str
    created: float  # seconds since the epoch
    server: str
    parts: tuple[Part, ...]
    path: str = field(default="", compare=False)
    bytes: int = field(default=0, compare=False)  # size of the file


class Writer:
    """Writes a backup as it streams in. A tar has a member's size before its data, so the header is written last."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._parts: list[Part] = []

    @contextmanager
    def part(self, database: str) -> Iterator[_Open]:
        """Yield a writer for a database's dump. Set its ``timescaledb`` and ``tables`` before the block ends."""
        header_at = self._file.tell()
        self._file.write(
            bytes(tarfile.BLOCKSIZE * 3)
        )  # room for the longest header: a size over 8 GB needs a pax record
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
        """Write the manifest, and flush the file to disk."""
        manifest = Manifest(instance=instance, created=time.time(), server=server, parts=tuple(self._parts))
        row = asdict(manifest) | {"format": FORMAT}
        del row["path"], row["bytes"]
        data = json.dumps(row, indent=1).encode() + b"\n"
        self._file.write(_header(MANIFEST, len(data)) + data)
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
    """Return the header of a member. A pax comment makes it three blocks long, whatever the size."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    info.pax_headers = {"comment": FORMAT}
    return info.tobuf(tarfile.PAX_FORMAT)


def read_part(path: Path, part: Part) -> Iterator[bytes]:
    """Yield the dump of one database in chunks."""
    with tarfile.open(path, "r:") as tar:
        file = tar.extractfile(part.name)
        while file is not None and (chunk := file.read(CHUNK)):
            yield chunk

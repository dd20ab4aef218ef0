"""The file format of a backup: a plain tar with a ``pg_dump -Fc`` of each database, and a manifest at its end.

The manifest comes last, so a truncated file has none. Any tar opens the file, and ``pg_restore`` reads its parts.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import tarfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["CHUNK", "FORMAT", "MANIFEST", "READABLE", "Manifest", "Part", "Writer", "members", "open_tar", "read_part"]

FORMAT = "run-claude backup 2"
READABLE = frozenset({FORMAT, "run-claude backup 1"})  # 1 has neither roles nor what surrounds a database
MANIFEST = "manifest.json"
CHUNK = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One database in a backup.

    :param timescaledb: version of the extension; empty if it is not installed
    :param tables: number of rows by table, counted in the snapshot that was dumped
    :param around: what `pg_dump` leaves out, or what only a superuser could read in again: the database's owner,
        locale, comment, settings and grants, its extensions, the owners of its objects, its default privileges
    """

    database: str
    bytes: int
    sha256: str
    timescaledb: str
    tables: dict[str, int]
    around: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the member in the tar: a file name, whatever the database is called."""
        return f"{quote(self.database, safe=' ')}.dump"

    @property
    def rows(self) -> int:
        """Number of rows in all tables."""
        return sum(self.tables.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of a backup.

    :param created: seconds since the epoch
    :param server: version of PostgreSQL
    :param salt: fingerprint of the key that LiteLLM encrypts with; empty if unknown
    :param roles: the server's roles, beside its superuser
    """

    instance: str
    created: float
    server: str
    parts: tuple[Part, ...]
    salt: str = ""
    roles: tuple[dict[str, Any], ...] = ()
    path: str = field(default="", compare=False)
    bytes: int = field(default=0, compare=False)  # size of the file


class Writer:
    """Writes a backup as it streams in. A tar has a member's size before its data, so the header is written last."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._parts: list[Part] = []

    @contextmanager
    def part(self, database: str) -> Iterator[_Open]:
        """Yield a writer for a database's dump. Set what the database holds before the block ends."""
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
            around=opened.around,
        )
        end = self._file.tell()
        self._file.seek(header_at)
        self._file.write(_header(part.name, part.bytes))
        self._file.seek(end)
        self._pad()
        self._parts.append(part)

    def finish(self, *, instance: str, server: str, salt: str = "", roles: Sequence[dict[str, Any]] = ()) -> Manifest:
        """Write the manifest."""
        manifest = Manifest(
            instance=instance,
            created=time.time(),
            server=server,
            parts=tuple(self._parts),
            salt=salt,
            roles=tuple(roles),
        )
        row = asdict(manifest) | {"format": FORMAT}
        del row["path"], row["bytes"]
        data = json.dumps(row, indent=1).encode() + b"\n"
        self._file.write(_header(MANIFEST, len(data)) + data)
        self._pad()
        self._file.write(bytes(tarfile.BLOCKSIZE * 2))
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
        self.around: dict[str, Any] = {}

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


@contextmanager
def open_tar(path: Path) -> Iterator[tarfile.TarFile]:
    """Yield a backup's tar.

    :raises OSError: if it cannot be read, or is no regular file: reading a pipe would wait for its writer
    :raises tarfile.TarError: if it is no tar
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        with tarfile.open(fileobj=file, mode="r:") as tar:
            yield tar


def members(tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """Return the regular files in a tar, by name: a link has the content of something else."""
    return {member.name: member for member in tar.getmembers() if member.isreg()}


def read_part(path: Path, part: Part) -> Iterator[bytes]:
    """Yield the dump of one database in chunks.

    :raises ValueError: at its end, if it is not what the manifest says: the file has changed since it was verified
    """
    digest = hashlib.sha256()
    with open_tar(path) as tar:
        file = tar.extractfile(members(tar)[part.name])
        while file is not None and (chunk := file.read(CHUNK)):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != part.sha256:
        raise ValueError(f"{part.name} has changed")

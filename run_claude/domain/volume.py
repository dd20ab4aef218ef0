"""Does an image of the database fit what the volume holds? Pure: the files are read elsewhere.

A database is opened only by its own major version of PostgreSQL, and its TimescaleDB only by the very library that its
catalog names. Refused before anything starts, a mismatch costs nothing; met by PostgreSQL, it costs the running
database, and an image whose data is elsewhere starts a new one beside the old.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from run_claude.errors import RunClaudeError

__all__ = ["MOUNT", "DatabaseImage", "Held", "catalog_version", "misfit", "missing_library", "version_key"]

MOUNT = PurePosixPath("/var/lib/postgresql/data")  # where the compose file mounts the volume

# A row of pg_extension on its page: the name (64 bytes), owner, schema, relocatable, then the version with its length.
# What follows the version may begin with a byte that is a digit as well.
_ROW = re.compile(rb"timescaledb\0{53}.{9}(.)([0-9]+\.[0-9]+\.[0-9]+(?:-[0-9a-z]+)?)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a volume holds, as far as its files tell. Empty means unknown, or nothing.

    :param postgres: major version of PostgreSQL; empty if the volume holds no database
    :param timescaledb: version of TimescaleDB's catalog, the highest of all databases
    :param license: TimescaleDB's: ``timescale`` for the community edition, ``apache``
    :param elsewhere: the database is in the volume's root, and the image looks into a folder below it
    """

    postgres: str = ""
    timescaledb: str = ""
    license: str = ""
    elsewhere: bool = False

    @property
    def words(self) -> str:
        """What it holds, in words."""
        if not self.postgres:
            return "holds no database"
        edition = {"timescale": ", community edition", "apache": ", Apache edition"}.get(self.license, "")
        extension = f", with TimescaleDB {self.timescaledb}{edition}" if self.timescaledb else ""
        return f"holds a database of PostgreSQL {self.postgres}{extension}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseImage:
    """What an image contains. Empty means unknown.

    :param data: its PGDATA
    :param timescaledb: the version that it installs
    :param libraries: of which versions it has the library; empty if that is unknown
    :param community: whether it has the community edition's library; ``None`` if that is unknown
    """

    reference: str
    postgres: str = ""
    data: str = ""
    timescaledb: str = ""
    libraries: frozenset[str] = frozenset()
    community: bool | None = None


def catalog_version(page: bytes) -> str:
    """Return the highest version of TimescaleDB in a file of the catalog pg_extension; empty if there is none.

    Rows of before an update may still be there, with lower versions.
    """
    versions = (found[2][: (found[1][0] >> 1) - 1].decode() for found in _ROW.finditer(page))  # a short varlena
    return max(versions, key=version_key, default="")


def missing_library(said: str) -> str:
    """Return the library of TimescaleDB that PostgreSQL looks for in vain: every query of a session fails by it."""
    found = re.search(r'could not access file "\$libdir/(timescaledb[^"]*)"', said)
    return found[1] if found else ""


def version_key(version: str) -> tuple[int, ...]:
    """Return what sorts versions."""
    return tuple(int(part) for part in re.findall(r"[0-9]+", version)[:3])


def misfit(volume: str, held: Held, image: DatabaseImage) -> RunClaudeError | None:
    """Return why the image must not be started on the volume; ``None`` if nothing speaks against it."""
    facts: dict[str, object] = {"volume": volume, "image": image.reference, "holds": held.words}
    facts |= {"volume_version": held.postgres, "image_version": image.postgres}
    data = PurePosixPath(image.data or MOUNT)
    if data != MOUNT and MOUNT not in data.parents:
        return caused(
            "database-image",
            f"{image.reference} keeps its data in {data}, not in the volume {volume}, which {held.words}.",
            facts={**facts, "pgdata": str(data)},
        )
    if held.elsewhere:
        return caused(
            "database-image",
            f"{image.reference} keeps its data in {data}, but the volume {volume} {held.words} in {MOUNT}.",
            facts={**facts, "pgdata": str(data)},
        )
    if not held.postgres:
        return None
    if image.postgres and image.postgres != held.postgres:
        return caused(
            "database-version",
            f"The volume {volume} {held.words}, but {image.reference} contains PostgreSQL {image.postgres}.",
            help=f"Nothing was changed. Set RUN_CLAUDE_TIMESCALEDB_IMAGE to an image with PostgreSQL {held.postgres}."
            " To upgrade, back up with that image and restore into a new volume.",
            facts=facts,
        )
    lacks = bool(held.timescaledb and image.libraries) and held.timescaledb not in image.libraries
    if held.timescaledb and image.timescaledb and not image.libraries:
        lacks = version_key(held.timescaledb) > version_key(image.timescaledb)
    edition = held.license == "timescale" and image.community is False
    if lacks or edition:
        has = f"TimescaleDB {image.timescaledb or 'of another version'}"
        has += ", Apache edition" if image.community is False else ""
        return caused(
            "timescaledb-version",
            f"The volume {volume} {held.words}, but {image.reference} contains {has}.",
            facts={**facts, "volume_timescaledb": held.timescaledb, "image_timescaledb": image.timescaledb},
        )
    return None

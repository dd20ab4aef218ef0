"""Does the database's volume fit the image? Asked before the start, and only when something about it is new."""

from __future__ import annotations

import io
import re
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Service
from run_claude.domain.volume import MOUNT, DatabaseImage, Held, catalog_version, misfit, version_key

if TYPE_CHECKING:
    from run_claude.config.settings import Settings
    from run_claude.docker.api import EngineApi, Reading

__all__ = ["check_volume", "look_into", "volume_name"]

_PROBE_AT = "/volume"
_NOTE = "run-claude.note"  # written by dep/timescaledb/databases: the license, and the databases' numbers
_FIRST_DATABASES = ("1", "5")  # template1 and postgres, in every cluster since PostgreSQL 15
_EXTENSIONS = "3079"  # the catalog pg_extension, in the file that every database begins with
_SHARES = ("/usr/local/share/postgresql", "/usr/share/postgresql/{major}")
_LIBRARIES = ("/usr/local/lib/postgresql", "/usr/lib/postgresql/{major}/lib")


def volume_name(settings: Settings) -> str:
    """Return the name of the database's volume."""
    return f"{settings.instance}-timescaledb-data"


async def check_volume(api: EngineApi, settings: Settings, reference: str) -> Held | None:
    """Refuse an image that cannot use the volume, before PostgreSQL does; return what the volume holds.

    The files are read out of a container that is created and never started: some 100 ms, no process.

    :param reference: the image
    :raises StartError: if the image does not fit
    :raises EngineError: if the engine cannot be asked
    """
    held, image = await look_into(api, settings, reference)
    if image is not None and (error := misfit(volume_name(settings), held or Held(), image)) is not None:
        raise error
    return held


async def look_into(api: EngineApi, settings: Settings, reference: str) -> tuple[Held | None, DatabaseImage | None]:
    """Return what the volume holds (``None``: there is no volume), and what the image contains (``None``: not there).

    :raises EngineError: if the engine cannot be asked
    """
    variables = await api.image_variables(reference)
    if variables is None:
        return None, None
    image = DatabaseImage(reference=reference, postgres=variables.get("PG_MAJOR", ""), data=variables.get("PGDATA", ""))
    volume = volume_name(settings)
    if not await api.has_volume(volume):
        return None, image
    name = f"{settings.instance}-{Service.TIMESCALEDB}-probe"
    async with api.reading(reference, name, volume, _PROBE_AT) as read:
        held = await _held(read, image.data)
        return held, await _contents(read, held, image)


async def _held(read: Reading, data: str) -> Held:
    below = data.removeprefix(str(MOUNT)) if data.startswith(f"{MOUNT}/") else ""
    root = f"{_PROBE_AT}{below}"
    postgres = _text(await read(f"{root}/PG_VERSION"))
    if not postgres:
        elsewhere = _text(await read(f"{_PROBE_AT}/PG_VERSION")) if below else ""
        return Held(postgres=elsewhere, elsewhere=bool(elsewhere))
    license, _, rest = _text(await read(f"{root}/{_NOTE}")).partition("\n")
    versions = []
    for database in dict.fromkeys((*re.findall(r"[0-9]+", rest), *_FIRST_DATABASES)):
        if page := _file(await read(f"{root}/base/{database}/{_EXTENSIONS}")):
            versions.append(catalog_version(page))
    return Held(postgres=postgres, timescaledb=max(versions, key=version_key, default=""), license=license.strip())


async def _contents(read: Reading, held: Held, image: DatabaseImage) -> DatabaseImage:
    """Return the image with its TimescaleDB: the version that it installs, and which libraries are there."""
    version = ""
    for folder in _SHARES:
        control = _text(await read(f"{folder.format(major=image.postgres)}/extension/timescaledb.control"))
        if found := re.search(r"default_version\s*=\s*'([^']+)'", control):
            version = found[1]
            break
    for folder in _LIBRARIES if version else ():
        library = f"{folder.format(major=image.postgres)}/timescaledb"
        if await read.has(f"{library}-{version}.so"):
            others = {held.timescaledb} - {"", version}
            there = {version, *[other for other in others if await read.has(f"{library}-{other}.so")]}
            community = await read.has(f"{library}-tsl-{version}.so")
            return replace(image, timescaledb=version, libraries=frozenset(there), community=community)
    return replace(image, timescaledb=version)


def _text(archive: bytes | None) -> str:
    return _file(archive).decode("utf-8", "replace").strip()


def _file(archive: bytes | None) -> bytes:
    """Return the content of the one file in a tar archive; empty if it is none."""
    if archive is None:
        return b""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.extractfile(tar.getmembers()[0])
        return member.read() if member else b""

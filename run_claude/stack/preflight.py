"""Does the database's volume fit the image? Asked before the start, and only when something about it is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.domain.diagnosis import database_version
from run_claude.domain.lifecycle import Service

if TYPE_CHECKING:
    from run_claude.config.settings import Settings
    from run_claude.docker.api import EngineApi
    from run_claude.domain.lifecycle import Snapshot

__all__ = ["check_volume", "volume_name"]

_VERSION_FILE = "PG_VERSION"
_PROBE_AT = "/volume"


def volume_name(settings: Settings) -> str:
    """Return the name of the database's volume."""
    return f"{settings.instance}-timescaledb-data"


async def check_volume(api: EngineApi, settings: Settings, before: Snapshot) -> None:
    """Refuse a volume of another major version of PostgreSQL, before PostgreSQL does.

    A container that is there and of this very image has proved itself already: one comparison. Otherwise the file is
    read out of a container that is created and never started: four calls, some 60 ms, no process.

    :raises StartError: if the versions differ
    :raises EngineError: if the engine cannot be asked
    """
    image = settings.timescaledb_image
    if before.timescaledb.id and before.timescaledb.image == image:
        return
    volume = volume_name(settings)
    if not await api.has_volume(volume):
        return
    expected = await api.image_variable(image, "PG_MAJOR")
    if not expected:
        return  # not pulled yet, or not of the official kind; the container's log says so when it fails
    found = await volume_version(api, settings, volume)
    if found and found != expected:
        raise database_version(volume, found, image, expected)


async def volume_version(api: EngineApi, settings: Settings, volume: str) -> str:
    """Return the major version that made the volume; empty if it holds no database yet, or it cannot be seen.

    :raises EngineError: if the engine cannot be asked
    """
    name = f"{settings.instance}-{Service.TIMESCALEDB}-probe"
    archive = await api.read_from_volume(settings.timescaledb_image, name, volume, _PROBE_AT, _VERSION_FILE)
    if archive is None:
        return ""
    import io
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.extractfile(tar.getmembers()[0])
        return member.read(16).decode("ascii", "replace").strip() if member else ""

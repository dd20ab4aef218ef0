"""All that an engine has, and the removal of single things by their names. Over the API: no file of ours is needed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from run_claude.docker.inspect import PROJECT_LABEL, SERVICE_LABEL, Json
from run_claude.domain.belongings import Belongings, FoundContainer, FoundImage, FoundNetwork, FoundVolume
from run_claude.domain.causes import caused
from run_claude.domain.container_files import CARRIER_LABEL
from run_claude.errors import EngineError

if TYPE_CHECKING:
    from run_claude.docker.api import EngineApi

__all__ = [
    "belongings",
    "remove_container",
    "remove_image",
    "remove_network",
    "remove_volume",
    "stop_container",
    "volume_sizes",
]

_DIRECTORY_LABEL = "com.docker.compose.project.working_dir"
_STOP_WITHIN = 90.0  # seconds; the database gets 60 for its last checkpoint
_REMOVE_WITHIN = 120.0  # seconds; an image of many layers on a slow disk


async def belongings(api: EngineApi, *, images: bool = True, layers: bool = False) -> Belongings:
    """Return all that the engine has.

    :param images: with the images: which layers they share is worked out anew for each call
    :param layers: with the layers of each image, which takes a call for each
    :raises EngineError: if the engine cannot be asked
    """
    containers = cast("list[Json]", await api.get("/containers/json", {"all": "1"}))
    volumes = cast("list[Json]", (await api.get("/volumes")).get("Volumes") or [])
    networks = cast("list[Json]", await api.get("/networks"))
    listed = cast("list[Json]", await api.get("/images/json", {"shared-size": "1"})) if images else []
    found = [_image(row) for row in listed]
    if layers:
        found = [await _with_layers(api, image) for image in found]
    return Belongings(
        containers=tuple(map(_container, containers)),
        volumes=tuple(FoundVolume(name=str(row["Name"]), project=_label(row, PROJECT_LABEL)) for row in volumes),
        networks=tuple(
            FoundNetwork(id=str(row["Id"]), name=str(row["Name"]), project=_label(row, PROJECT_LABEL))
            for row in networks
        ),
        images=tuple(found),
    )


async def volume_sizes(api: EngineApi) -> dict[str, int]:
    """Return the size of each volume in bytes, as far as the engine says: it adds up their files, which takes time."""
    try:
        rows = (await api.get("/system/df", {"type": "volume"})).get("Volumes") or []
    except EngineError:
        return {}
    sizes = {str(row["Name"]): int((row.get("UsageData") or {}).get("Size", -1)) for row in rows}
    return {name: size for name, size in sizes.items() if size >= 0}


async def stop_container(api: EngineApi, id: str) -> str:
    """Stop a container in its own way and time. Return why it was not stopped; empty if it is."""
    return await _done(api, "POST", f"/containers/{id}/stop", _STOP_WITHIN)


async def remove_container(api: EngineApi, id: str) -> str:
    """Remove a container with its unnamed volumes. Return why it was not removed; empty if it is gone."""
    return await _done(api, "DELETE", f"/containers/{id}?force=1&v=1", _REMOVE_WITHIN)


async def remove_network(api: EngineApi, id: str) -> str:
    """Remove a network. Return why it was not removed; empty if it is gone."""
    return await _done(api, "DELETE", f"/networks/{id}", _REMOVE_WITHIN)


async def remove_volume(api: EngineApi, name: str) -> str:
    """Remove a volume and what is in it. Return why it was not removed; empty if it is gone."""
    return await _done(api, "DELETE", f"/volumes/{quote(name)}", _REMOVE_WITHIN)


async def remove_image(api: EngineApi, reference: str) -> str:
    """Remove a reference, and the image if it has no other. Return why it was not removed; empty if it is gone.

    Never by force: the engine refuses to remove what a container uses, also one that has come a moment ago.
    """
    return await _done(api, "DELETE", f"/images/{quote(reference)}", _REMOVE_WITHIN)


async def _done(api: EngineApi, method: str, target: str, within: float) -> str:
    """Send an order, and return the engine's reason if it refuses; what is not there is as it should be.

    :raises EngineError: if the engine cannot be asked
    """
    answer = await api.send(method, target, within=within)
    if answer.status in (200, 201, 204, 304, 404):
        return ""
    try:
        return str(json.loads(answer.body)["message"])
    except (ValueError, LookupError, TypeError):
        return f"the engine answered {answer.status}"


def _label(row: Json, name: str) -> str:
    return str((row.get("Labels") or {}).get(name, ""))


def _container(row: Json) -> FoundContainer:
    try:
        return FoundContainer(
            id=str(row["Id"]),
            name=str(row["Names"][0]).lstrip("/") if row.get("Names") else str(row["Id"])[:12],
            project=_label(row, PROJECT_LABEL),
            directory=_label(row, _DIRECTORY_LABEL),
            service=_label(row, SERVICE_LABEL),
            carrier=_label(row, CARRIER_LABEL),
            image=str(row.get("ImageID") or ""),
            running=row.get("State") in ("running", "paused", "restarting"),
            volumes=frozenset(str(mount["Name"]) for mount in row.get("Mounts") or [] if mount.get("Name")),
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise caused("engine-answer", f"The Docker engine's answer cannot be understood: {error}") from error


def _image(row: Json) -> FoundImage:
    bytes = int(row.get("Size") or 0)
    return FoundImage(
        id=str(row["Id"]),
        references=tuple(tag for tag in row.get("RepoTags") or [] if tag != "<none>:<none>"),
        bytes=bytes,
        own=bytes - max(0, int(row.get("SharedSize") or 0)),
    )


async def _with_layers(api: EngineApi, image: FoundImage) -> FoundImage:
    try:
        raw = await api.get(f"/images/{image.id}/json", missing=None)
    except EngineError:
        raw = None  # removed by somebody at this moment
    layers = ((raw or {}).get("RootFS") or {}).get("Layers") or []
    return replace(image, layers=tuple(map(str, layers)))

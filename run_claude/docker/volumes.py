"""Volumes, filled over the API before anything mounts them: the one way in that every engine has.

A bind mount needs a path that the engine sees, in a folder that it may share, with a label that SELinux accepts, and an
owner that the container's user is: on a remote engine, Docker Desktop, with user namespaces or without root one of
these is missing. An archive is content: the engine writes it where it keeps its volumes, and translates owners into
the namespace that containers have. It cannot go into the container itself, whose root file system is read-only
("container rootfs is marked read-only"), nor through a mount that is; so a container is created for it, never started,
and removed. For both services that takes 60 ms: 25 to create, 10 to write, 20 to remove.
"""

from __future__ import annotations

import io
import tarfile
import time
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

import anyio

from run_claude.docker.inspect import PROJECT_LABEL
from run_claude.domain.causes import caused
from run_claude.domain.container_files import CARRIER_LABEL, carrier_name
from run_claude.errors import RunClaudeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.docker.api import EngineApi
    from run_claude.docker.http import Answer
    from run_claude.domain.container_files import ContainerFiles

__all__ = ["archive_of", "fill_volumes", "remove_carrier"]

_AT = "/files"
_VOLUME_LABEL = "com.docker.compose.volume"
_WRITTEN_WITHIN = 60.0  # seconds; on a busy engine, or a remote one


async def fill_volumes(api: EngineApi, image: str, instance: str, volumes: Sequence[ContainerFiles]) -> None:
    """Write files into volumes, which are created if they are not there. Others in them stay as they are.

    A file is removed and written anew, so that whoever reads it meanwhile may find it missing or cut off.

    :param image: any that the engine has: nothing of it runs
    :param instance: the Compose project to which the volumes belong
    :raises EngineError: if the engine cannot be asked, or refuses
    :raises StartError: if its disk is full
    :raises ConflictError: if the name of the container for it is another's
    """
    names = dict.fromkeys(content.volume for content in volumes)
    for volume in names:
        # With Compose's labels: it warns of a volume that it has not made.
        labels = {PROJECT_LABEL: instance, _VOLUME_LABEL: volume.removeprefix(f"{instance}-")}
        _expect(await api.send("POST", "/volumes/create", {"Name": volume, "Labels": labels}))
    name = carrier_name(instance)
    wanted = {
        "Image": image,
        "Entrypoint": ["/never-started"],
        "User": "0:0",
        "Labels": {CARRIER_LABEL: instance},
        "NetworkDisabled": True,
        "HostConfig": {
            "Binds": [f"{volume}:{_AT}/{volume}:nocopy" for volume in names],
            "NetworkMode": "none",
        },
    }
    await remove_carrier(api, instance)
    try:  # from here on: a creation that is cancelled half-way is removed as well
        _expect(await api.send("POST", f"/containers/create?name={quote(name)}", wanted))
        archive = archive_of(volumes)
        target = f"/containers/{name}/archive?path={_AT}"
        _expect(await api.send("PUT", target, archive, within=_WRITTEN_WITHIN))
    finally:
        with anyio.CancelScope(shield=True), suppress(RunClaudeError):  # the next call removes it, too
            await remove_carrier(api, instance)


async def remove_carrier(api: EngineApi, instance: str) -> None:
    """Remove the container through which an instance's volumes are filled, if there is one.

    :raises EngineError: if the engine cannot be asked
    :raises ConflictError: if the container of that name is another's
    """
    name = carrier_name(instance)
    found = await api.get(f"/containers/{name}/json", missing=None)
    if found is None:
        return
    if ((found.get("Config") or {}).get("Labels") or {}).get(CARRIER_LABEL) != instance:
        raise caused(
            "name-taken",
            f"The container {name} exists and does not belong to this stack.",
            help=f"Remove it with `docker rm -f {name}`, or choose another name with --instance NAME.",
        )
    await api.send("DELETE", f"/containers/{name}?force=1&v=1")


def archive_of(volumes: Sequence[ContainerFiles]) -> bytes:
    """Return a tar archive with a folder for each volume, named as it is."""
    archive, now = io.BytesIO(), time.time()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:

        def add(name: str, mode: int, group: int, data: bytes | None) -> None:
            member = tarfile.TarInfo(name)
            member.mode, member.gid, member.mtime = mode, group, now
            if data is None:
                member.type = tarfile.DIRTYPE
                tar.addfile(member)
            else:
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))

        for content in volumes:
            inner = {parent for file in content.files for parent in PurePosixPath(file.name).parents}
            for folder in sorted(inner | {PurePosixPath()}):
                add(str(PurePosixPath(content.volume) / folder), content.mode, content.group, None)
            for file in content.files:
                add(f"{content.volume}/{file.name}", file.mode, content.group, file.data)
    return archive.getvalue()


def _expect(answer: Answer) -> None:
    """Refuse an answer that is a refusal, in the engine's own words: none of them can hold a secret.

    :raises EngineError: with the cause
    :raises StartError: if its disk is full
    """
    if answer.status < 400:
        return
    from run_claude.domain.diagnosis import engine_refused, quoted

    words = quoted(answer.text)
    if "no space left on device" in words:
        raise caused("disk-full", "The disk of the Docker engine is full.", facts={"engine": words})
    raise engine_refused("the files for the containers", answer.status, answer.text)

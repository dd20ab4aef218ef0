"""Can this engine run the stack at all? Asked before anything is written, built or started."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from run_claude.docker.place import names_this_machine
from run_claude.docker.process import run
from run_claude.domain.diagnosis import (
    MINIMUM_API,
    docker_is_podman,
    engine_elsewhere,
    engine_is_podman,
    engine_newer,
    engine_too_old,
)
from run_claude.errors import EngineError

if TYPE_CHECKING:
    import tempfile
    from collections.abc import Mapping

    from run_claude.docker.api import EngineApi
    from run_claude.stack.session import Session

__all__ = ["UNFIT", "check_api", "check_command", "check_engine", "refuse_unfit"]

UNFIT = frozenset({"engine-too-old", "engine-podman", "engine-remote", "docker-cli-podman"})

_CONTAINER = "/.dockerenv"  # there in each container of Docker's
_NO_IMAGE = "run-claude.invalid/none:none"  # `.invalid` is no registry's


async def check_engine(session: Session) -> None:
    """Refuse an engine, or a docker command, that cannot run the stack. The session remembers that they can.

    :raises EngineError: with the cause; nothing was touched
    """
    if not session.fit:
        await check_api(session)
        await check_command(session.settings.environ)
        session.fit = True


async def refuse_unfit(session: Session) -> None:
    """Do what :func:`check_engine` does, for a watcher: an engine that cannot be asked now is waited for.

    :raises EngineError: with the cause
    """
    try:
        await check_engine(session)
    except EngineError as error:
        if error.code in UNFIT:
            raise


async def check_api(session: Session) -> None:
    """Refuse an engine that is too old, is Podman, or is on another machine.

    A virtual machine that shares this machine's folders publishes its ports here as well (Colima, Lima, WSL).

    :raises EngineError: with the cause; nothing was touched
    """
    api, settings = session.api, session.settings
    version = await api.version()
    if version < MINIMUM_API:
        raise engine_too_old(version)
    if newer := engine_newer(version):
        session.reporter.line(f"{newer}; going on")
    info = await api.info()
    if "BuildahVersion" in info:  # the API sees Podman's headers, unless something between has removed them
        raise engine_is_podman(api.endpoint.host, str(info.get("ServerVersion") or ""))
    if names_this_machine(info, platform.node(), platform.release()):
        return
    with await anyio.to_thread.run_sync(_new_folder, settings.paths.config) as folder:
        if not await _sees(api, folder):
            inside = info.get("KernelVersion") == platform.release() and await anyio.Path(_CONTAINER).exists()
            name = str(info.get("Name") or "")
            raise engine_elsewhere(api.endpoint.host, settings.port, name=name, inside=inside)


async def check_command(environ: Mapping[str, str]) -> None:
    """Refuse a docker command that is Podman's (package podman-docker): it would start the containers elsewhere.

    Docker's own is a program, which needs not be asked; Podman's is a script or a link.

    :raises EngineError: if it is Podman
    """
    path = shutil.which("docker", path=environ.get("PATH"))
    if path is None or not _may_be_podman(Path(path)):
        return
    done = await run([path, "--version"], env=environ)
    if done.stdout.lower().startswith("podman"):
        raise docker_is_podman(path, done.stdout.split()[-1])


def _may_be_podman(command: Path) -> bool:
    try:
        with command.open("rb") as program:
            return program.read(2) == b"#!" or command.resolve().name.startswith("podman")
    except OSError:
        return False


def _new_folder(near: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a folder in the first of these that exists: the given one, or one above it."""
    import tempfile  # seldom needed, and it brings `random`

    while not near.is_dir():
        near = near.parent
    return tempfile.TemporaryDirectory(prefix=".run-claude-", dir=near)


async def _sees(api: EngineApi, folder: str) -> bool:
    """Whether the engine sees a folder that was made here just now. It makes nothing.

    An engine looks for the source of a mount before it looks for the image: 400 if the first is missing, 404 if only
    the second is (measured with Engine 26.1 and 28.5). Another answer proves nothing.
    """
    mount = {"Type": "bind", "Source": folder, "Target": "/x", "ReadOnly": True}
    answer = await api.send("POST", "/containers/create", {"Image": _NO_IMAGE, "HostConfig": {"Mounts": [mount]}})
    return answer.status != 400

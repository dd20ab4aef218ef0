"""Can this engine run the stack at all? Asked before anything is written, built or started."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from run_claude.docker.place import names_a_local_machine, names_this_machine
from run_claude.docker.process import run
from run_claude.domain.causes import caused
from run_claude.domain.diagnosis import (
    MINIMUM_API,
    docker_is_podman,
    engine_elsewhere,
    engine_is_podman,
    engine_newer,
    engine_refused,
    engine_too_old,
)
from run_claude.errors import EngineError

if TYPE_CHECKING:
    import tempfile
    from collections.abc import Mapping

    from run_claude.config.paths import Paths
    from run_claude.docker.api import EngineApi
    from run_claude.stack.session import Session

__all__ = ["UNFIT", "check_api", "check_command", "check_engine", "refuse_unfit"]

UNFIT = frozenset({"engine-too-old", "engine-podman", "engine-remote", "docker-cli-podman"})

_CONTAINER = "/.dockerenv"  # there in each container of Docker's
_NO_IMAGE = "run-claude.invalid/none:none"  # `.invalid` is no registry's
_PROBE = ".run-claude-probe-"
_LEFT = 3600.0  # seconds after which a probe's folder is nobody's: a killed command has left it


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

    A virtual machine that shares this machine's folders publishes its ports here as well (Colima, Lima, WSL). From
    inside a container, only an engine in the same one does: the kernel does not tell, containers and the
    distributions of WSL share it with an engine that is outside.

    :raises EngineError: with the cause; nothing was touched
    :raises ConfigError: if it takes a folder to tell, and none can be made
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
    here = os.uname()
    if names_this_machine(info, here):
        return
    name = str(info.get("Name") or "")
    if name != here.nodename and await anyio.Path(_CONTAINER).exists():
        raise engine_elsewhere(api.endpoint.host, settings.port, name=name, inside=True)
    if not names_a_local_machine(info, here) and not await _shares(api, settings.paths):
        raise engine_elsewhere(api.endpoint.host, settings.port, name=name)


async def check_command(environ: Mapping[str, str]) -> None:
    """Refuse a docker command that is Podman's (package podman-docker): it would start the containers elsewhere.

    Docker's own is a program, which needs not be asked; Podman's is a script or a link.

    :raises EngineError: if it is Podman, or a script that cannot be started
    """
    path = shutil.which("docker", path=environ.get("PATH"))
    if path is None or not _may_be_podman(Path(path)):
        return
    try:
        done = await run([path, "--version"], env=environ)
    except OSError as error:
        why = "its interpreter is missing" if isinstance(error, FileNotFoundError) else (error.strerror or "").lower()
        raise caused("docker-cli-missing", f"The docker command {path} cannot be started: {why}.") from error
    if done.stdout.lower().startswith("podman"):
        raise docker_is_podman(path, done.stdout.split()[-1])


def _may_be_podman(command: Path) -> bool:
    try:
        with command.open("rb") as program:
            return program.read(2) == b"#!" or command.resolve().name.startswith("podman")
    except OSError:
        return False


async def _shares(api: EngineApi, paths: Paths) -> bool:
    """Whether the engine sees a folder that is made now. Their names are new: another machine may have the old ones.

    :raises ConfigError: if no folder can be made
    """
    unmade: OSError | None = None
    asked = False
    for near in (paths.state, paths.config):
        try:
            made = await anyio.to_thread.run_sync(_new_folder, near)
        except OSError as error:
            unmade = error
            continue
        with made as folder:
            if await _sees(api, folder):
                return True
            asked = True
    if unmade and not asked:
        what = f"No folder can be made in {paths.state} or {paths.config}"
        why = f"to tell whether the engine at {api.endpoint.host} is on this machine"
        help = f"Check their owners and modes: ls -ld {paths.state.parent} {paths.config.parent}"
        raise caused("file-unwritable", f"{what}, {why}: {(unmade.strerror or '').lower()}.", help=help) from unmade
    return False


def _new_folder(near: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a folder in the first of these that exists: the given one, or one above it.

    :raises OSError: if it cannot be made
    """
    import tempfile  # seldom needed, and it brings `random`

    place = next(folder for folder in (near, *near.parents) if folder.is_dir())
    for left in place.glob(f"{_PROBE}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT:
                left.rmdir()
    return tempfile.TemporaryDirectory(prefix=_PROBE, dir=place, ignore_cleanup_errors=True)


async def _sees(api: EngineApi, folder: str) -> bool:
    """Whether the engine sees a folder of this machine. It makes nothing.

    An engine looks for the source of a mount before it looks for the image: 400 if the first is missing, 404 if only
    the second is (measured with Engine 26.1 and 28.5).

    :raises EngineError: if it gives another answer, which proves nothing: whatever stands before it forbids to ask
    """
    mount = {"Type": "bind", "Source": folder, "Target": "/x", "ReadOnly": True}
    answer = await api.send("POST", "/containers/create", {"Image": _NO_IMAGE, "HostConfig": {"Mounts": [mount]}})
    if answer.status not in (400, 404):
        refused = engine_refused("/containers/create", answer.status, answer.text)
        if refused.code == "engine-refused":
            refused.help = (
                "Run `docker info`. A socket proxy or an authorization plugin has to let `POST /containers/create` "
                "through."
            )
        raise refused
    return answer.status == 404

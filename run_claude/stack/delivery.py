"""Hand the containers their files, and take them back. The caller holds the instance's lock."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from run_claude.deploy.container_files import changing_files, container_files
from run_claude.docker.belongings import belongings, remove_volume
from run_claude.docker.volumes import fill_volumes, remove_carrier
from run_claude.domain.container_files import callbacks_volume, files_volume
from run_claude.domain.lifecycle import Service
from run_claude.errors import ConflictError
from run_claude.state.delivered import doubt_delivered, forget_delivered, record_delivered, undelivered
from run_claude.state.deployed import is_deployed, load_deployment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.deploy.plan import Plan
    from run_claude.domain.container_files import ContainerFiles
    from run_claude.stack.session import Session
    from run_claude.state.deployed import Deployment

__all__ = ["clear_callbacks", "deliver", "deliver_changes", "has_changes", "take_back"]


async def deliver(session: Session, what: Plan | Deployment, services: Sequence[Service]) -> None:
    """Give the services' containers the files that are on disk now: before they start, whatever their volumes hold.

    :raises ConfigError: if a file cannot be read
    :raises EngineError: if the engine cannot be asked, or refuses
    """
    paths, variables = session.settings.paths, what.project.variables
    await _fill(
        session, what, await anyio.to_thread.run_sync(lambda: container_files(paths, variables, services)), services
    )


async def deliver_changes(session: Session) -> None:
    """Give the proxy what it reads again while it runs, if that differs from what it was given.

    :raises ConfigError: if a file cannot be read
    :raises EngineError: if the engine cannot be asked, or refuses
    """
    paths = session.settings.paths
    volume = files_volume(paths.instance, Service.LITELLM)
    if not has_changes(session) or not await session.api.has_volume(volume):
        return  # the next start gives it all
    deployment = load_deployment(paths)
    await _fill(session, deployment, [changing_files(paths, deployment.project.variables)], [Service.LITELLM])


def has_changes(session: Session) -> bool:
    """Whether :func:`deliver_changes` would have something to hand over to a proxy that was given files before.

    :raises ConfigError: if a file cannot be read
    """
    paths = session.settings.paths
    if not is_deployed(paths):
        return False
    content = changing_files(paths, load_deployment(paths).project.variables)
    return bool(undelivered(paths.delivered_file, [content], engine=session.endpoint.host))


async def take_back(session: Session) -> None:
    """Remove the volumes of files, with the secrets in them. No container may be left that has them.

    :raises EngineError: if the engine cannot be asked
    """
    with suppress(ConflictError):  # another's container of that name has none of our volumes
        await remove_carrier(session.api, session.settings.instance)
    for service in Service:
        volume = files_volume(session.settings.instance, service)
        if reason := await remove_volume(session.api, volume):
            session.reporter.note(f"Secrets of the stack are still in the volume {volume}: {reason}")
    await clear_callbacks(session)
    try:
        forget_delivered(session.settings.paths.delivered_file)
    except OSError as error:
        session.reporter.note(f"{session.settings.paths.delivered_file} cannot be removed: {error.strerror}")


async def clear_callbacks(session: Session, used: str = "") -> None:
    """Remove the volumes of callbacks but the one that is used; one that a container still has stays.

    :raises EngineError: if the engine cannot be asked
    """
    beginning = callbacks_volume(session.settings.instance)
    for volume in (await belongings(session.api, images=False)).volumes:
        if volume.project == session.settings.instance and volume.name.startswith(beginning) and volume.name != used:
            await remove_volume(session.api, volume.name)


async def _fill(
    session: Session, what: Plan | Deployment, volumes: Sequence[ContainerFiles], services: Sequence[Service]
) -> None:
    # Nothing of the image runs, but the database's has a volume of its own, which costs some milliseconds.
    database = what.project.variables.get("RUN_CLAUDE_TIMESCALEDB_IMAGE", "")
    image = what.image if Service.LITELLM in services else database
    record, engine = session.settings.paths.delivered_file, session.endpoint.host
    doubt_delivered(record, engine, volumes)  # killed half-way, or refused: the next start hands all over again
    await fill_volumes(session.api, image, session.settings.instance, volumes)
    record_delivered(record, engine, volumes)

"""The instances of this user: what each is, where it is reached, and how much data it has."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from run_claude.docker.api import EngineApi
from run_claude.docker.belongings import belongings, volume_sizes
from run_claude.docker.endpoint import resolve_endpoint
from run_claude.docker.process import ungrouped
from run_claude.domain.lifecycle import Phase, Service, Snapshot
from run_claude.errors import RunClaudeError
from run_claude.stack.status import url_of
from run_claude.state import lock
from run_claude.state.deployed import is_deployed, load_deployment
from run_claude.state.instances import instances
from run_claude.state.intent import load_intent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from run_claude.config.paths import Paths
    from run_claude.domain.belongings import Belongings

__all__ = ["InstanceStatus", "instances_of", "names_of", "state_words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStatus:
    """One instance.

    :param state: in a word or two: see :func:`state_words`
    :param url: where it is reached, or would be; empty if it was never started
    :param profile: the one used last; empty before the first start
    :param bytes: the size of its database's volume; ``None`` if it has none, or the engine does not say
    :param watched: whether a watcher is running
    """

    name: str
    state: str
    url: str
    profile: str
    bytes: int | None
    watched: bool


async def instances_of(paths: Paths, environ: Mapping[str, str]) -> tuple[list[InstanceStatus], str]:
    """Return the instances of this user, by name, and why the engine cannot be asked; empty if it can.

    Those with a folder of state, and those whose containers were made from this user's services folder.

    :raises EngineError: if the endpoint cannot be used
    """
    with ungrouped():
        async with EngineApi.connect(resolve_endpoint(environ)) as api:
            try:
                found = await belongings(api, images=False)
                sizes = await volume_sizes(api) if found.volumes else {}
                return [await _status(api, replace(paths, instance=name), sizes) for name in names_of(paths, found)], ""
            except RunClaudeError as error:
                lost = Snapshot.out_of_reach(error.message)
                return [_told(replace(paths, instance=name), lost, {}) for name in instances(paths)], error.message


def names_of(paths: Paths, found: Belongings) -> list[str]:
    """Return the names of this user's instances: by the folders of state, and by the labels of containers."""
    labelled = {row.project for row in found.containers if row.project and _is(row.directory, paths.services)}
    return sorted({*instances(paths), *labelled})


def _is(directory: str, services: Path) -> bool:
    return bool(directory) and os.path.realpath(directory) == os.path.realpath(services)


def state_words(snapshot: Snapshot, *, wanted: str, database: bool) -> str:
    """Return what an instance is: healthy, stopped, removed, …; where its services differ, what each is.

    :param wanted: ``up`` or ``down``; empty if it was never started
    :param database: whether it is to run with the database
    """
    phases = {service: snapshot[service].phase for service in Service}
    if not database and phases[Service.TIMESCALEDB] in (Phase.ABSENT, Phase.EXITED):
        del phases[Service.TIMESCALEDB]
    if len(set(phases.values())) > 1:
        return ", ".join(f"{service} {phase}" for service, phase in phases.items())
    phase = phases[Service.LITELLM]
    if phase is Phase.ABSENT:
        return "not started" if not wanted else "removed"
    return "stopped" if phase is Phase.EXITED and wanted == "down" else phase.value


async def _status(api: EngineApi, paths: Paths, sizes: Mapping[str, int]) -> InstanceStatus:
    return _told(paths, await api.look(paths.instance), sizes)


def _told(paths: Paths, snapshot: Snapshot, sizes: Mapping[str, int]) -> InstanceStatus:
    intent = load_intent(paths.intent_file)[0]
    wanted, database = (intent.wanted, intent.database) if intent else ("", True)
    return InstanceStatus(
        name=paths.instance,
        state=state_words(snapshot, wanted=wanted, database=database),
        url=_url(paths, snapshot),
        profile=intent.profile if intent else "",
        bytes=sizes.get(f"{paths.instance}-timescaledb-data") or None,  # Compose makes an empty one without a database
        watched=bool(lock.holder_of(paths.watch_lock_file)),
    )


def _url(paths: Paths, snapshot: Snapshot) -> str:
    if published := snapshot.litellm.published:
        return url_of(published)
    try:
        variables = load_deployment(paths).project.variables if is_deployed(paths) else {}
    except RunClaudeError:
        return ""
    port = variables.get("LITELLM_PORT", "")
    return url_of(f"{variables.get('RUN_CLAUDE_BIND') or '127.0.0.1'}:{port}") if port else ""

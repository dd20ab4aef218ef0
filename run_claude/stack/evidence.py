"""Evidence of why a container fails: what of its log counts, how far the proxy gets, how much memory it took."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from run_claude.config.secrets import MASTER_KEY
from run_claude.domain.diagnosis import Evidence, ProbeStages, first_failing_stage, service_log
from run_claude.domain.lifecycle import Phase, Service
from run_claude.domain.marks import marks_at
from run_claude.errors import RunClaudeError
from run_claude.stack.log_redaction import shown
from run_claude.state.deployed import deployed_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.config.settings import Settings
    from run_claude.deploy.plan import Plan
    from run_claude.docker.api import EngineApi
    from run_claude.domain.lifecycle import ServiceState, Snapshot
    from run_claude.stack.session import Session
    from run_claude.state.deployed import Deployment

__all__ = ["entrypoint_key", "evidence_of", "log_of_service", "marks_of", "memory_of", "probe_stages_of"]

_PROBE_WITHIN = 3.0  # seconds, for each level
_CGROUPS = Path("/sys/fs/cgroup")
# Lines of a log that are read. Of the proxy, as many as a start prints with every migration; of the database, the last:
# what it could not do a while ago is no reason why it fails now.
_READ = {Service.LITELLM: 400, Service.TIMESCALEDB: 60}


async def log_of_service(session: Session, service: Service, snapshot: Snapshot) -> Evidence:
    """Return the end of a service's log, and what of it is evidence; empty if it has no container.

    :raises EngineError: if the engine cannot be asked
    """
    if not (container := snapshot[service].id):
        return Evidence()
    lines = await (await session.stream()).log(container, tail=_READ[service])
    log = service_log(service, lines, entrypoint_key(session), told=shown(session.settings))
    return replace(log, security=_security(await session.api.info()))


def _security(info: Mapping[str, object]) -> frozenset[str]:
    """Return the names in an engine's security options: `name=seccomp,profile=builtin`, and `selinux` long ago."""
    options = info.get("SecurityOptions")
    named = (str(option).partition(",")[0] for option in (options if isinstance(options, list) else []))
    return frozenset(name.removeprefix("name=") for name in named)


async def evidence_of(
    session: Session, service: Service, snapshot: Snapshot, what: Plan | Deployment
) -> tuple[Evidence, tuple[str, str]]:
    """Return the end of a service's log, and of a proxy that runs the first stage that it does not reach."""
    log = Evidence()
    with suppress(RunClaudeError):  # the failure is the error to report
        log = await log_of_service(session, service, snapshot)
    if service is not Service.LITELLM or snapshot.litellm.phase not in (Phase.STARTING, Phase.UNHEALTHY):
        return log, ("", "")
    return log, first_failing_stage(await probe_stages_of(session.settings, uses_database=what.database))


async def marks_of(session: Session, snapshot: Snapshot) -> dict[str, int]:
    """Return what the proxy's entrypoint has said, and when by the engine's clock: nanoseconds since the epoch.

    :raises EngineError: if the engine cannot be asked
    """
    lines = await (await session.stream()).stamped_log(snapshot.litellm.id, tail=_READ[Service.LITELLM])
    return marks_at(lines, entrypoint_key(session))


def entrypoint_key(session: Session) -> str:
    """Return what the proxy's entrypoint seals with: the master key that its container was given; empty if none."""
    return deployed_secrets(session.settings.paths).get(MASTER_KEY, "")


async def probe_stages_of(settings: Settings, *, uses_database: bool) -> ProbeStages:
    """Return how far the running proxy gets, by calls that reach no provider."""
    from run_claude.gateway import Gateway

    answer, database, models = 0, "", None
    try:
        key = deployed_secrets(settings.paths).get(MASTER_KEY, "")
        async with Gateway.connect(settings.base_url, key) as gateway:
            with anyio.move_on_after(_PROBE_WITHIN):
                readiness = await gateway.readiness()
                answer, database = 200 if readiness.ready else 503, readiness.database
            if answer == 200:
                with anyio.move_on_after(_PROBE_WITHIN):
                    models = len(await gateway.models())
    except RunClaudeError:
        pass  # which call it was shows in what is unknown
    return ProbeStages(answer=answer, database=database, uses_database=uses_database, models=models)


async def memory_of(api: EngineApi, state: ServiceState) -> dict[str, int]:
    """Return the memory limit of a container and, where its cgroup is still the one, its peak; in bytes.

    A container that was started again has a new cgroup: what it took before is lost.
    """
    found = {}
    try:
        raw = await api.container_named(state.id) or {}
        found["limit"] = int((raw.get("HostConfig") or {}).get("Memory") or 0)
    except RunClaudeError:
        pass
    if state.restarts or not state.running:
        return found
    for pattern in (f"docker/{state.id}", f"system.slice/docker-{state.id}.scope"):
        for name in ("memory.peak", "memory.max_usage_in_bytes"):
            for path in (_CGROUPS / pattern / name, _CGROUPS / "memory" / pattern / name):
                try:
                    found["peak"] = int(path.read_text())
                except (OSError, ValueError):
                    continue
    return found

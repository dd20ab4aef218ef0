"""Evidence beside the log of a container that fails: how far the proxy gets, how much memory it took."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from run_claude.domain.diagnosis import ProbeStages
from run_claude.errors import RunClaudeError
from run_claude.state.deployed import deployed_secrets

if TYPE_CHECKING:
    from run_claude.config.settings import Settings
    from run_claude.docker.api import EngineApi
    from run_claude.domain.lifecycle import ServiceState

__all__ = ["memory_of", "probe_stages_of"]

_PROBE_WITHIN = 3.0  # seconds, for each level
_CGROUPS = Path("/sys/fs/cgroup")


async def probe_stages_of(settings: Settings, *, uses_database: bool) -> ProbeStages:
    """Return how far the running proxy gets, by calls that reach no provider."""
    from run_claude.config.secrets import MASTER_KEY
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

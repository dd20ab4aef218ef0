"""Who holds what a start needs: a port, a container name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.domain.diagnosis import foreign_container, port_of, port_taken
from run_claude.domain.lifecycle import Service
from run_claude.errors import ConflictError, RunClaudeError
from run_claude.stack import port_holders as ports

if TYPE_CHECKING:
    from run_claude.config.settings import Settings
    from run_claude.docker.api import EngineApi

__all__ = ["name_holder"]


async def name_holder(error: RunClaudeError, api: EngineApi, settings: Settings) -> RunClaudeError:
    """Return the error of a failed `up` with the names of those who hold what we need."""
    if (port := port_of(error.detail)) is not None:
        setting = "LITELLM_PORT" if port == settings.port else "RUN_CLAUDE_TIMESCALEDB_PORT"
        container = await api.publisher_of(port)
        holder = f"the container {container}" if container else ports.process_on(port)
        free = ports.next_free(settings.bind, port)
        return port_taken(port, setting, holder=holder, free=free, detail=error.detail)
    if isinstance(error, ConflictError) and error.code == "name-taken":
        for service in Service:
            name = f"{settings.instance}-{service}"
            if name in error.message and (raw := await api.container_named(name)):
                return foreign_container(name, str(raw["Config"]["Image"]))
    return error

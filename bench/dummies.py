"""Containers in place of the stack's that do nothing, to measure whoever watches them.

LiteLLM's has a health check that a file decides; the database's succeeds, and is asked once after each start.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bench.docker import docker, remove
from run_claude.domain.lifecycle import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.workspace import Workspace
    from run_claude.config.settings import Settings

__all__ = ["Dummies", "dummies"]

_HEALTHY = "/tmp/healthy"  # noqa: S108 (in a container of its own)


class Dummies:
    """A container for each service of an instance."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.names = {service: f"{settings.instance}-{service}" for service in Service}

    async def set_health(self, *, healthy: bool) -> None:
        """Make LiteLLM's next probe succeed or fail."""
        command = ("touch", _HEALTHY) if healthy else ("rm", "-f", _HEALTHY)
        await docker("exec", self.names[Service.LITELLM], *command)


@asynccontextmanager
async def dummies(workspace: Workspace, name: str, *, probes_every: str) -> AsyncIterator[Dummies]:
    """Yield healthy dummies of an instance."""
    made = Dummies(workspace.settings(workspace.name(name)))
    labels = {"com.docker.compose.project": made.settings.instance, "com.docker.compose.oneoff": "False"}
    # The database's is not asked while the container is paused: a freeze that meets a probe may hang.
    probes = {
        Service.LITELLM: (f"test -e {_HEALTHY}", "--health-interval", probes_every, "--health-retries", "1"),
        Service.TIMESCALEDB: (
            *("true", "--health-interval", "1h"),
            *("--health-start-period", "1h", "--health-start-interval", "100ms"),
        ),
    }
    try:
        for service, container in made.names.items():
            given = [f"--label={key}={value}" for key, value in labels.items()]
            await docker(
                *("run", "--detach", "--init", "--network", "none", "--name", container, *given),
                f"--label=com.docker.compose.service={service}",
                *("--health-cmd", *probes[service]),
                *(made.settings.python_image, "sh", "-c", f"touch {_HEALTHY}; exec sleep infinity"),
            )
        yield made
    finally:
        await remove("container", made.names.values())

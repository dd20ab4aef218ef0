"""Take over the database of the layout before containers: its project had the volume's name, and our container's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.docker.inspect import PROJECT_LABEL
from run_claude.domain.lifecycle import Service

if TYPE_CHECKING:
    from run_claude.domain.compose import Compose
    from run_claude.stack.session import Session

__all__ = ["old_project", "set_database_password"]


async def old_project(session: Session) -> str:
    """Return the name of the old layout's project if it holds our database container's name; else empty.

    :raises EngineError: if the engine cannot be asked
    """
    instance = session.settings.instance
    raw = await session.api.container_named(f"{instance}-{Service.TIMESCALEDB}")
    labels = (raw["Config"].get("Labels") or {}) if raw is not None else {}
    name = f"{instance}-infra"
    return name if labels.get(PROJECT_LABEL) == name else ""


async def set_database_password(compose: Compose, password: str) -> None:
    """Give the running database this password: over the socket in its container it asks for none.

    The statement goes in by standard input, where no process list shows it.

    :raises DataError: if the database does not take it
    """
    statement = f"ALTER USER postgres PASSWORD $run_claude${password}$run_claude$;"
    await compose.feed(Service.TIMESCALEDB, ["psql", "-qU", "postgres", "-v", "ON_ERROR_STOP=1"], statement)

"""Roles and passwords for a database that runs, also for one of an older release or of the layout before containers."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from run_claude.deploy.services import packaged_services
from run_claude.docker.inspect import PROJECT_LABEL
from run_claude.domain.lifecycle import Service

if TYPE_CHECKING:
    from run_claude.domain.compose import Compose
    from run_claude.stack.session import Session

__all__ = ["make_roles", "old_project", "roles_script", "set_database_password"]

_SCRIPT = "timescaledb/databases"


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
    """Give the roles of the running database what this password makes: over the socket it asks for none.

    :raises DataError: if the database does not take it
    """
    await compose.feed(Service.TIMESCALEDB, ["sh", "-s"], roles_script(password))


async def make_roles(compose: Compose, password: str) -> None:
    """Make the roles of the running database as this release has them: its container may be of an older one.

    :param password: for roles that have none yet
    :raises DataError: if the database does not take it
    """
    await compose.feed(Service.TIMESCALEDB, ["sh", "-s"], roles_script(password, keep=True))


def roles_script(password: str, *, keep: bool = False) -> str:
    """Return what makes the roles, for `sh` in the database's container.

    The password is in its standard input, where no process list shows it. What the container was given when it was
    started may be another one.

    :param keep: whether passwords that are there stay
    :raises ConfigError: if it is missing, because the installation is broken
    """
    text = packaged_services()[_SCRIPT].decode()
    return f"password={shlex.quote(password)}\n{'keep=1' * keep}\n{text}"

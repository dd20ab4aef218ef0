"""New secrets, for the files and for what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.config.secrets import DATABASE_PASSWORD, MASTER_KEY, rotate
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Service, Snapshot
from run_claude.errors import RunClaudeError
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.stack.status import services_of
from run_claude.stack.takeover import set_database_password
from run_claude.stack.up import Up

if TYPE_CHECKING:
    from run_claude.stack.session import Session

__all__ = ["rotate_secrets"]


async def rotate_secrets(session: Session, *, master_key: bool, database: bool) -> str:
    """Do what :meth:`Stack.rotate <run_claude.stack.controller.Stack.rotate>` says."""
    up, names = Up(session), [MASTER_KEY] * master_key + [DATABASE_PASSWORD] * database
    before = await session.look()
    if database and not before.timescaledb.running:
        raise caused(
            "database-not-running",
            "The database does not run, so it cannot be given a new password.",
            help="Start it with `run-claude proxy start`, then rotate.",
        )
    compose = await session.deployed_compose()
    proxy = before.litellm.running
    services = services_of(up.with_database()) if proxy else ()
    async with session.writing("secrets rotate"), session.replacing("secrets rotate", services, password=database):
        fresh = rotate(session.settings, names)
        if database:
            if proxy:
                await compose.stop([Service.LITELLM])  # what it has yet to write, it writes with the old password
            try:
                await set_database_password(compose, fresh[DATABASE_PASSWORD])
            except RunClaudeError:
                if proxy:
                    await compose.up([Service.LITELLM])
                raise
            session.password_given()
        if proxy:
            wanted = up.with_database()
            planned = await up.plan(None, wanted)
            # As from nothing: what ran before does not know the new secrets, and must not be put back.
            await up.start(planned, Snapshot(), wanted, DEFAULT_TIMEOUT, command="secrets rotate")
            return f"Rotated {' and '.join(names)}; the proxy was restarted."
    return f"Rotated {' and '.join(names)}."

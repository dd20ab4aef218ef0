"""New secrets, for the files and for what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from run_claude.config.files import write_if_changed
from run_claude.config.secrets import DATABASE_PASSWORD, MASTER_KEY, rotate
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Service, Snapshot
from run_claude.errors import ConfigError, RunClaudeError
from run_claude.stack.delivery import deliver
from run_claude.stack.image import build_ahead
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.stack.status import services_of
from run_claude.stack.takeover import set_database_password
from run_claude.stack.up import Up
from run_claude.state.deployed import load_deployment

if TYPE_CHECKING:
    from run_claude.stack.session import Session

__all__ = ["rotate_secrets"]


async def rotate_secrets(session: Session, *, master_key: bool, database: bool) -> str:
    """Do what :meth:`Stack.rotate <run_claude.stack.controller.Stack.rotate>` says."""
    up, names = Up(session), [MASTER_KEY] * master_key + [DATABASE_PASSWORD] * database
    _refuse_without_database(await session.look(), database)
    await session.deployed_compose()  # where nothing was started yet, it takes the lock itself
    async with session.writing("secrets rotate"):
        session.refresh()
        before, left = await session.look(), session.unfinished()
        _refuse_without_database(before, database)
        proxy, wanted = before.litellm.running, up.with_database()
        if proxy:  # nothing is changed unless it can be started again
            await build_ahead(session, await up.plan(None, wanted))
        services = services_of(wanted) if proxy else ()
        async with session.replacing("secrets rotate", services, password=database):
            try:
                fresh = rotate(session.settings, names)
            except ConfigError:  # nothing was changed
                if not (left and left.password):
                    session.password_given()
                raise
            if database:
                await _give_password(session, fresh[DATABASE_PASSWORD], proxy=proxy)
            if proxy:
                # As from nothing: what ran before does not know the new secrets, and must not be put back.
                planned = await up.plan(None, wanted)
                await up.start(planned, Snapshot(), wanted, DEFAULT_TIMEOUT, command="secrets rotate")
                return f"Rotated {' and '.join(names)}; the proxy was restarted."
    return f"Rotated {' and '.join(names)}."


def _refuse_without_database(snapshot: Snapshot, database: bool) -> None:
    if database and not snapshot.timescaledb.running:
        raise caused(
            "database-not-running",
            "The database does not run, so it cannot be given a new password.",
            help="Start it with `run-claude proxy start`, then rotate.",
        )


async def _give_password(session: Session, password: str, *, proxy: bool) -> None:
    """Give the database its new password. The proxy, if it runs, is stopped; it runs again if that fails."""
    compose = session.compose((await anyio.to_thread.run_sync(load_deployment, session.settings.paths)).project)
    if proxy:
        await compose.stop([Service.LITELLM])  # what it has yet to write, it writes with the old password
    try:
        await set_database_password(compose, password)
    except RunClaudeError:
        if proxy:
            await compose.up([Service.LITELLM])
        raise
    # What its container reads when it is started again, by whomever.
    await anyio.to_thread.run_sync(write_if_changed, session.settings.paths.database_secret, password)
    session.password_given()
    deployed = await anyio.to_thread.run_sync(load_deployment, session.settings.paths)
    try:
        await deliver(session, deployed, [Service.TIMESCALEDB])
    except RunClaudeError:
        if not proxy:
            raise  # else the start that follows hands it over, or says so itself

"""Starting and stopping the database, and with it the proxy that uses it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from run_claude.deploy.prepare import initialized_plan
from run_claude.deploy.without_database import write_without_database
from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot
from run_claude.errors import ConfigError, RunClaudeError
from run_claude.stack.fitness import check_engine
from run_claude.stack.image import build_ahead
from run_claude.stack.ports import choose_ports
from run_claude.stack.replacement import start_plan
from run_claude.stack.start import Start
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.state.deployed import is_deployed, load_deployment
from run_claude.state.intent import Intent, save_intent

if TYPE_CHECKING:
    from run_claude.stack.session import Session

__all__ = ["start_database", "stop_database"]


async def start_database(session: Session, timeout: float) -> ServiceState:  # noqa: ASYNC109 (as in Stack.up)
    """Do what :meth:`Database.start <run_claude.database.controller.Database.start>` says."""
    state = (await session.look()).timescaledb
    if state.phase is Phase.HEALTHY and not _changes_intent(session, True):
        return state
    await check_engine(session)  # before anything is written
    async with session.writing("db start"):
        session.refresh()
        try:
            await choose_ports(session)
            planned = await anyio.to_thread.run_sync(
                lambda: initialized_plan(session.settings, profile=None, database=True)
            )
        except ConfigError as error:
            return await _start_deployed(session, error, timeout)
        for note in planned.notes:
            session.reporter.note(note)
        before, last = await session.look(), session.intent()
        _want_database(session, True)
        if before.timescaledb.phase is Phase.HEALTHY:
            return before.timescaledb
        proxy = before.litellm.running and planned.database
        services = (Service.TIMESCALEDB, Service.LITELLM) if proxy else (Service.TIMESCALEDB,)
        try:
            healthy = await start_plan(session, planned, services, timeout, before, command="db start")
        except RunClaudeError:
            if last is not None:
                save_intent(session.settings.paths.intent_file, last)
            raise
    return healthy.snapshot.timescaledb


async def _start_deployed(
    session: Session,
    error: ConfigError,
    timeout: float,  # noqa: ASYNC109 (as in start)
) -> ServiceState:
    """Start the database as it was started last, where the user's files cannot be used now. Hold the lock."""
    if not is_deployed(session.settings.paths):
        raise error
    session.reporter.note(f"{error.message} The database starts as it was deployed last.")
    _want_database(session, True)
    deployed, before = load_deployment(session.settings.paths), await session.look()
    start = Start(session, deployed, (Service.TIMESCALEDB,), timeout, before, command="db start")
    return (await start.run()).snapshot.timescaledb


async def stop_database(session: Session) -> ServiceState:
    """Do what :meth:`Database.stop <run_claude.database.controller.Database.stop>` says."""
    before = await session.look()
    if not before.timescaledb.id:
        return before.timescaledb
    compose = await session.deployed_compose()
    async with session.writing("db stop"):
        session.refresh()
        before, settings = await session.look(), session.settings
        proxy = before.litellm.running and load_deployment(settings.paths).database
        services = (Service.LITELLM,) if proxy else ()
        planned = None
        if proxy:  # before anything is stopped: it may not be possible
            try:
                planned = await anyio.to_thread.run_sync(
                    lambda: initialized_plan(settings, profile=None, database=False)
                )
            except ConfigError as error:
                session.reporter.note(f"{error.message} The proxy goes on as it was deployed last.")
            else:
                await build_ahead(session, planned)
        _want_database(session, False)
        async with session.replacing("db stop", services):
            session.reporter.step("Stopping the database")
            await compose.stop([Service.TIMESCALEDB, *services])
            if planned is not None:
                await start_plan(session, planned, services, DEFAULT_TIMEOUT, Snapshot(), command="db stop")
            elif proxy:
                deployed = await anyio.to_thread.run_sync(write_without_database, settings.paths)
                await Start(session, deployed, services, DEFAULT_TIMEOUT, Snapshot(), command="db stop").run()
        return (await session.look()).timescaledb


def _want_database(session: Session, wanted: bool) -> None:
    """Remember whether the database is wanted, if the stack is. The watcher ignores a stack that is not."""
    if intent := _changes_intent(session, wanted):
        save_intent(session.settings.paths.intent_file, replace(intent, database=wanted, at=time.time()))


def _changes_intent(session: Session, wanted: bool) -> Intent | None:
    """Return the intent, if the stack is wanted and this changes it."""
    intent = session.intent()
    return intent if intent and intent.wanted == "up" and intent.database is not wanted else None

"""Restore: read a backup into new databases, verify their rows, and swap them with the old ones at once."""

from __future__ import annotations

import json
import os
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from run_claude.config.database_roles import owner_of
from run_claude.database.archive import read_part
from run_claude.database.around import (
    RESTORER,
    create_roles_sql,
    give_back_sql,
    missing_roles_sql,
    settings_sql,
)
from run_claude.database.progress import Megabytes
from run_claude.database.queries import (
    content_sql,
    identifier,
    leftovers_sql,
    parse_content,
    parse_counts,
    swap_sql,
    temporary_name,
    timescaledb_sql,
)
from run_claude.database.script import SUPERUSER, Statements
from run_claude.database.verify import invalid, verify_rows
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Service
from run_claude.errors import DataError, RunClaudeError
from run_claude.stack.start import Start
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.state import lock
from run_claude.state.deployed import deployed_database_password, load_deployment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from run_claude.database.archive import Manifest, Part
    from run_claude.database.server import Server
    from run_claude.domain.compose import Compose
    from run_claude.domain.progress import Reporter
    from run_claude.stack.session import Session

__all__ = ["UP_WITHIN", "one_restore", "prove", "restore_backup"]

_CLEAN_UP_WITHIN = 60.0  # seconds; the next restore removes what is left
UP_WITHIN = 30.0  # seconds; the proxy's container takes one to be started again
_INTERRUPTED_WITHIN = 1.5  # seconds, after Ctrl-C


async def restore_backup(
    session: Session, server: Server, compose: Compose, manifest: Manifest, *, as_superuser: bool = False
) -> None:
    """Replace the databases with those of a verified backup: all of them, or none. One restore at a time.

    The instance's lock is held while the databases are swapped.

    :param as_superuser: read it in as the superuser: its content is then trusted
    :raises DataError: if the backup cannot be restored; the old data is in place
    :raises StartError: if everything is restored, but the proxy does not get healthy again
    """
    async with _read_in(server, manifest, session.reporter, as_superuser=as_superuser) as restored:
        await _own(server, manifest, restored, session.reporter, as_superuser=as_superuser)
        async with session.writing("db restore"):
            await _swap(session, server, compose, manifest, restored)


async def prove(session: Session, server: Server, manifest: Manifest) -> None:
    """Restore a backup of our own into databases that are dropped again, and count their rows. One restore at a time.

    :raises DataError: if the backup cannot be restored
    """
    reporter = session.reporter
    reporter.step("Verifying the backup")
    try:
        async with _read_in(server, manifest, reporter, as_superuser=False):
            pass
    except DataError:  # it may hold what a superuser alone can restore
        async with _read_in(server, manifest, reporter, as_superuser=True):
            pass
        reporter.note(f"To restore {manifest.path}, use `--as-superuser`.")


@asynccontextmanager
async def one_restore(session: Session, purpose: str) -> AsyncIterator[None]:
    """Hold the lock of restores: one at a time reads a backup into the server.

    :raises BusyError: if another one does not end in time
    """
    settings = session.settings

    def waiting(holder: str) -> None:
        session.reporter.step(f"Waiting for {holder}")

    path = settings.paths.lock_file.with_name("restore.lock")
    async with lock.lock(path, purpose, wait=settings.lock_timeout, on_wait=waiting):
        yield


class _Restored:
    """The databases of one restore, which nobody but the restorer connects to."""

    def __init__(self, manifest: Manifest) -> None:
        self.run = os.urandom(4).hex()
        names = [part.database for part in manifest.parts]
        self.pairs = [(name, temporary_name("restoring", self.run, number)) for number, name in enumerate(names)]
        self.roles: list[str] = []  # that were not there before
        self.swapped = False

    def drop_sql(self) -> str:
        """Return SQL that drops what is left of it, and who came with it unless it is in place now."""
        roles = "" if self.swapped else "".join(f"DROP ROLE IF EXISTS {identifier(role)};\n" for role in self.roles)
        return leftovers_sql(self.run) + _drop_restorer() + roles


@asynccontextmanager
async def _read_in(
    server: Server, manifest: Manifest, reporter: Reporter, *, as_superuser: bool
) -> AsyncIterator[_Restored]:
    """Yield the databases of a backup, complete and counted, under other names; drop those that still have them."""
    restored, owner = _Restored(manifest), SUPERUSER if as_superuser else RESTORER
    restorer = "" if as_superuser else f"CREATE ROLE {RESTORER} LOGIN NOSUPERUSER NOINHERIT;\n"
    cleared = [leftovers_sql() + _drop_restorer(), timescaledb_sql(), missing_roles_sql(manifest.roles)]
    _, versions, missing = await server.ask_in_turn(
        [Statements("template1", sql) for sql in cleared], code="query-failed"
    )
    _refuse_other_timescaledb(manifest, versions)
    restored.roles = [json.loads(name) for name in missing]
    try:
        await server.ask("template1", restorer + create_roles_sql(manifest.roles), code="restore-failed")
        for part, (_, name) in zip(manifest.parts, restored.pairs, strict=True):
            reporter.step(f"Restoring {part.database}")
            await _read_part(server, manifest, part, name, owner, reporter)
        yield restored
    except BaseException as error:
        interrupted = isinstance(error, anyio.get_cancelled_exc_class())
        await _clean_up(server, restored, _INTERRUPTED_WITHIN if interrupted else _CLEAN_UP_WITHIN)
        raise
    else:
        await _clean_up(server, restored, _CLEAN_UP_WITHIN)


async def _clean_up(server: Server, restored: _Restored, within: float) -> None:
    with anyio.move_on_after(within, shield=True):
        with suppress(RunClaudeError):  # the first error is the one to report
            await server.ask("template1", restored.drop_sql())


async def _read_part(server: Server, manifest: Manifest, part: Part, name: str, owner: str, reporter: Reporter) -> None:
    there = await server.create(name, part, owner=owner)
    path = Path(manifest.path)
    try:
        await server.restore(
            name, part, partial(read_part, path, part), owner=owner, there=there, on_chunk=Megabytes(reporter).add
        )
    except (OSError, ValueError, LookupError) as error:  # the file is another one than was verified
        raise invalid(path, "has changed while it was restored") from error
    jobs, counts = await server.complete(name, part, owner=owner)
    for job in jobs:
        reporter.note(f"{part.database}: job {job} ran as the superuser; it will run as {owner_of(part.database)}.")
    verify_rows(part, parse_counts(counts)[1])


def _refuse_other_timescaledb(manifest: Manifest, has: Sequence[str]) -> None:
    """Refuse a backup whose data only another version of TimescaleDB can read."""
    for version in (part.timescaledb for part in manifest.parts):
        if version and version not in has:
            raise caused(
                "restore-failed",
                f"The backup was written with TimescaleDB {version}, and this image has {', '.join(has) or 'none'}.",
                help=f"Restore it with an image that has {version} (RUN_CLAUDE_TIMESCALEDB_IMAGE), and upgrade then.",
                facts={"wanted": version, "available": list(has)},
            )


async def _own(
    server: Server, manifest: Manifest, restored: _Restored, reporter: Reporter, *, as_superuser: bool
) -> None:
    """Give everything to its owners of before."""
    reporter.step("Restoring owners and grants")
    both = list(zip(manifest.parts, (name for _, name in restored.pairs), strict=True))
    user = SUPERUSER if as_superuser else RESTORER
    # All settings before the first is given back: that gives away all databases.
    sessions = [Statements(name, settings_sql(name, part.around), user) for part, name in both]
    for part, name in both:
        otherwise = owner_of(part.database)
        owner = otherwise if otherwise == part.database else ""
        sql = give_back_sql(name, part.around, otherwise=otherwise, owner=owner, as_superuser=as_superuser)
        sessions.append(Statements(name, sql))
    await server.ask_in_turn([*sessions, Statements("template1", _drop_restorer())], code="restore-failed")


def _drop_restorer() -> str:
    return f"DROP ROLE IF EXISTS {RESTORER};\n"


async def _swap(session: Session, server: Server, compose: Compose, manifest: Manifest, restored: _Restored) -> None:
    """Swap the databases while the proxy is stopped, and start it again, whether or not that works."""
    before = await session.look()
    proxy = before.litellm.running
    try:
        if proxy:
            session.reporter.step("Stopping the proxy")
            session.begin("db restore", [Service.LITELLM])
            await compose.stop([Service.LITELLM])
        session.reporter.step("Replacing the databases")
        there = parse_content(await server.ask("template1", content_sql([]))).databases
        sql = swap_sql(restored.pairs, there, restored.run)
        await server.ask("template1", sql, code="restore-failed")
        restored.swapped = True
        await server.make_roles(deployed_database_password(session.settings.paths))
    finally:
        if proxy:
            with anyio.move_on_after(UP_WITHIN, shield=True):
                await compose.up([Service.LITELLM])
                session.finish()
    await server.wake_workers([part.database for part in manifest.parts if part.timescaledb])
    if proxy:
        deployment = load_deployment(session.settings.paths)
        await Start(session, deployment, (Service.LITELLM,), DEFAULT_TIMEOUT, before).run()

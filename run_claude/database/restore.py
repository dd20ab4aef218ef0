"""Restore: read a backup into new databases, verify their rows, and swap them with the old ones at once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from run_claude.database.archive import read_part
from run_claude.database.progress import Megabytes
from run_claude.database.queries import content_sql, count_sql, drop_sql, parse_content, parse_counts, swap_sql
from run_claude.database.verify import verify_rows
from run_claude.domain.lifecycle import Service
from run_claude.errors import RunClaudeError
from run_claude.stack.start import Start
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.state.deployed import load_deployment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from run_claude.database.archive import Manifest
    from run_claude.database.server import Server
    from run_claude.domain.compose import Compose
    from run_claude.domain.progress import Reporter
    from run_claude.stack.session import Session

__all__ = ["restore_backup"]

_CLEAN_UP_WITHIN = 1.5  # seconds, after Ctrl-C; the next restore removes what is left


async def restore_backup(session: Session, server: Server, compose: Compose, manifest: Manifest) -> None:
    """Replace the databases with those of a verified backup: all of them, or none. Hold the instance's lock.

    :raises DataError: if the backup cannot be restored; the old data is in place
    :raises StartError: if everything is restored, but the proxy does not get healthy again
    """
    names = [part.database for part in manifest.parts]
    fresh = [f"{name}_restoring" for name in names]
    await server.ask("template1", drop_sql([*fresh, *(f"{name}_replaced" for name in names)]))
    try:
        await _read_in(server, manifest, session.reporter)
        await _swap(session, server, compose, manifest)
    except BaseException:
        with anyio.move_on_after(_CLEAN_UP_WITHIN, shield=True):
            with suppress(RunClaudeError):  # the first error is the one to report
                await server.ask("template1", drop_sql(fresh))
        raise


async def _read_in(server: Server, manifest: Manifest, reporter: Reporter) -> None:
    for part in manifest.parts:
        reporter.step(f"Restoring {part.database}")
        name = f"{part.database}_restoring"
        await server.create(name, timescaledb=part.timescaledb)
        chunks = _reported(read_part(Path(manifest.path), part), Megabytes(reporter))
        await server.restore(name, chunks, part.timescaledb)
        verify_rows(part, parse_counts(await server.ask(name, count_sql()))[1])


async def _reported(chunks: Iterable[bytes], progress: Megabytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
        progress.add(len(chunk))


async def _swap(session: Session, server: Server, compose: Compose, manifest: Manifest) -> None:
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
        sql = swap_sql([part.database for part in manifest.parts], there)
        await server.ask("template1", sql, code="restore-failed")
    finally:
        if proxy:
            with anyio.CancelScope(shield=True):
                await compose.up([Service.LITELLM])
                session.finish()
    await server.wake_workers([part.database for part in manifest.parts if part.timescaledb])
    if proxy:
        deployment = load_deployment(session.settings.paths)
        await Start(session, deployment, (Service.LITELLM,), DEFAULT_TIMEOUT, before).run()

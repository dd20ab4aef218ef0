"""The database of one instance: start, stop, inspect, back up, restore, destroy."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from run_claude.config.files import refuse_existing
from run_claude.database.backup import unused, write_backup
from run_claude.database.queries import Content, content_sql, parse_content
from run_claude.database.restore import UP_WITHIN, one_restore, prove, restore_backup
from run_claude.database.running import start_database, stop_database
from run_claude.database.salt import salt_fingerprint, salt_remark
from run_claude.database.server import Server
from run_claude.database.usage import Usage, parse_usage, usage_sql
from run_claude.database.verify import verify_file
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Service, ServiceState
from run_claude.stack.delivery import take_back
from run_claude.stack.preflight import volume_name
from run_claude.stack.session import Session
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.state.deployed import withdraw_secrets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from run_claude.config.settings import Settings
    from run_claude.database.archive import Manifest
    from run_claude.domain.compose import Compose, Project
    from run_claude.domain.progress import Reporter

__all__ = ["Database", "DatabaseStatus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """The state of a database.

    :param content: what it holds; ``None`` if it is not running
    """

    state: ServiceState
    volume: str
    has_volume: bool
    content: Content | None


class Database:
    """The database of one instance. Open with :meth:`open`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        reporter: Reporter | None = None,
        compose: Callable[[Session, Project], Compose] | None = None,
    ) -> AsyncIterator[Database]:
        """Yield the database of an instance. Nothing is asked of the engine or changed yet.

        :param compose: makes what acts on a Compose project; by default `docker compose`
        :raises EngineError: if the endpoint cannot be resolved
        """
        async with Session.open(settings, reporter=reporter, compose=compose) as session:
            yield cls(session)

    async def start(self, *, timeout: float = DEFAULT_TIMEOUT) -> ServiceState:  # noqa: ASYNC109 (as in Stack.up)
        """Start the database, and wait until it is healthy. A running proxy that can use it is restarted with it.

        :raises RunClaudeError: as :meth:`Stack.up <run_claude.stack.controller.Stack.up>` does
        """
        return await start_database(self.session, timeout)

    async def stop(self) -> ServiceState:
        """Stop the database. The data stays, and the proxy keeps running.

        A proxy that uses it is stopped before it, writes what it has not written yet, and is started again without it.

        :raises EngineError: if there is no usable engine
        :raises StartError: if the proxy does not get healthy without it
        """
        return await stop_database(self.session)

    # --- inspect ----------------------------------------------------------------------------------------------

    async def inspect(self) -> DatabaseStatus:
        """Return the state of the database and, if it is running, what it holds.

        :raises EngineError: if the engine cannot be asked
        :raises DataError: if the database does not answer
        """
        session, volume = self.session, volume_name(self.session.settings)
        state = (await session.look()).timescaledb
        content = await self.content() if state.running else None
        has_volume = await session.api.has_volume(volume)
        return DatabaseStatus(state=state, volume=volume, has_volume=has_volume, content=content)

    async def content(self) -> Content:
        """Return what the running database holds.

        :raises DataError: if it is not running or does not answer
        """
        server = await self.server()
        names = parse_content(await server.ask("postgres", content_sql([]))).databases
        return parse_content(await server.ask("postgres", content_sql(names)))

    async def usage(self, since: str) -> list[Usage]:
        """Return what was used from a day on (ISO 8601, in UTC), as LiteLLM has summed it.

        :raises DataError: if the database is not running, does not answer, or LiteLLM does not use it
        """
        server = await self.server()
        there = "SELECT json_build_object('there', to_regclass('public.\"LiteLLM_DailyUserSpend\"') IS NOT NULL);"
        if '"there" : true' not in " ".join(await server.ask("litellm", there)):
            raise caused(
                "usage-not-kept",
                "LiteLLM keeps no usage: it has never used this database.",
                help="Start with it: RUN_CLAUDE_PRISMA=on, and `run-claude proxy start --db`.",
            )
        return parse_usage(await server.ask("litellm", usage_sql(since)))

    async def server(self) -> Server:
        """Return the running server.

        :raises DataError: if it is not running
        """
        session = self.session
        state = (await session.look()).timescaledb
        if not state.running:
            raise caused(
                "database-not-running", "The database is not running.", help="Start it with `run-claude db start`."
            )
        return Server(session.endpoint, state.id, session.settings.environ, on_command=session.reporter.command)

    # --- backup, restore, destroy -----------------------------------------------------------------------------

    @property
    def backup_folder(self) -> Path:
        """Where backups go that were given no file."""
        return self.session.settings.paths.state / "backups"

    async def backup(self, path: Path | None = None, *, verify: bool = False) -> Manifest:
        """Write all databases to a file (0600) that gets its name only when it is complete. The proxy keeps running.

        It needs no lock: other commands may work on the instance meanwhile.

        :param path: a new file; by default one in :attr:`backup_folder`
        :param verify: whether to restore it into databases that are dropped again
        :raises ConfigError: if the file exists, or its folder cannot be used
        :raises DataError: if the database is not running or cannot be dumped, or the backup cannot be restored
        """
        path = path or self._new_backup()
        refuse_existing(path)
        server = await self.server()
        manifest = await self._write_backup(server, path)
        if verify:
            async with one_restore(self.session, "db backup --verify"):
                await prove(self.session, server, manifest)
        return manifest

    def _new_backup(self) -> Path:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        return unused(self.backup_folder, f"{self.session.settings.instance}-{stamp}")

    async def _write_backup(self, server: Server, path: Path) -> Manifest:
        content = await self.content()
        settings, reporter = self.session.settings, self.session.reporter
        salt = await anyio.to_thread.run_sync(salt_fingerprint, settings)
        return await write_backup(server, content, path, instance=settings.instance, salt=salt, reporter=reporter)

    async def _last_backup(self, compose: Compose) -> Manifest:
        """Write a backup with all that the proxy knows, and restore it to see that it can be. The proxy is stopped.

        It runs again if that fails.
        """
        path, server = self._new_backup(), await self.server()
        refuse_existing(path)
        if not (await self.session.look()).litellm.running:
            return await self._proven_backup(server, path)
        async with self.session.replacing("db destroy", [Service.LITELLM]):
            self.session.reporter.step("Stopping the proxy")
            await compose.stop([Service.LITELLM])
            try:
                return await self._proven_backup(server, path)
            except BaseException:
                with anyio.move_on_after(UP_WITHIN, shield=True):
                    await compose.up([Service.LITELLM])
                raise

    async def _proven_backup(self, server: Server, path: Path) -> Manifest:
        manifest = await self._write_backup(server, path)
        await prove(self.session, server, manifest)
        return manifest

    async def restore(self, path: Path, *, as_superuser: bool = False) -> Manifest:
        """Replace the databases with those of a backup: all of them, or none.

        The backup is restored into new databases first, and their rows are counted. Only then is the instance locked,
        the proxy stopped, and the databases swapped in one transaction. If anything fails before that, nothing has
        changed.

        :param as_superuser: read it in as the superuser; otherwise nothing in it runs as one
        :raises DataError: if the file is not a complete backup, or cannot be restored
        :raises StartError: if everything is restored, but the proxy does not get healthy again
        """
        self.session.reporter.step("Verifying the backup")
        manifest = await anyio.to_thread.run_sync(verify_file, path)
        if remark := await anyio.to_thread.run_sync(salt_remark, self.session.settings, manifest):
            self.session.reporter.note(remark)
        server = await self.server()
        compose = await self.session.deployed_compose()
        async with one_restore(self.session, "db restore"):
            await restore_backup(self.session, server, compose, manifest, as_superuser=as_superuser)
        return manifest

    async def inspect_existing(self) -> DatabaseStatus:
        """Return what :meth:`inspect` does, if there is something to destroy.

        :raises DataError: if there is neither a volume nor a container
        """
        status = await self.inspect()
        if not status.has_volume and not status.state.id:
            name = self.session.settings.instance
            raise caused("no-data", f"{name} has no database.", help="There is nothing to remove.")
        return status

    async def destroy(self, *, backup: bool = True) -> Manifest | None:
        """Remove the containers, the network and the database's volume: all data of this instance.

        :param backup: whether to write a backup first, and to restore it once to see that it can be; this starts the
            database if needed
        :raises DataError: if the backup fails; nothing was removed
        :raises EngineError: if the engine refuses
        """
        if backup and not (await self.session.look()).timescaledb.running:
            await self.start()
        compose = await self.session.deployed_compose()
        async with one_restore(self.session, "db destroy"), self.session.writing("db destroy"):
            manifest = await self._last_backup(compose) if backup else None
            self.session.intend_down()
            self.session.reporter.step("Removing the containers")
            await compose.down()
            self.session.reporter.step("Removing the data")
            await compose.remove_volume(volume_name(self.session.settings))
            withdraw_secrets(self.session.settings.paths)
            await take_back(self.session)
        return manifest

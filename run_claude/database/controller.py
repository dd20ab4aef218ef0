"""The database of one instance: start, stop, inspect, back up, restore, destroy."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

from run_claude.database.backup import refuse_existing, write_backup
from run_claude.database.queries import Content, content_sql, parse_content
from run_claude.database.restore import restore_backup
from run_claude.database.server import Server
from run_claude.database.verify import verify_file
from run_claude.deploy.plan import prepare
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service, ServiceState
from run_claude.stack.preflight import volume_name
from run_claude.stack.session import Session
from run_claude.stack.start import Start
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.state.intent import load_intent, save_intent

if TYPE_CHECKING:
    from pathlib import Path

    from run_claude.database.archive import Manifest

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


class Database(Session):
    """The database of one instance. Open with :meth:`open`."""

    async def start(self, *, timeout: float = DEFAULT_TIMEOUT) -> ServiceState:  # noqa: ASYNC109 (as in Stack.up)
        """Start the database alone, and wait until it is healthy.

        :raises RunClaudeError: as :meth:`Stack.up <run_claude.stack.controller.Stack.up>` does
        """
        prepared = await anyio.to_thread.run_sync(lambda: prepare(self.settings, profile=None, database=True))
        for note in prepared.notes:
            self.reporter.note(note)
        state = (await self.look()).timescaledb
        if state.phase is Phase.HEALTHY:
            self._want_database(True)
            return state
        async with self.writing("db start"):
            self._want_database(True)
            started = await Start(self, prepared, (Service.TIMESCALEDB,), timeout).run()
        return started.snapshot.timescaledb

    async def stop(self) -> ServiceState:
        """Stop the database. The data stays, and the proxy keeps running.

        :raises EngineError: if there is no usable engine
        """
        before = (await self.look()).timescaledb
        if not before.id:
            return before
        planned = await anyio.to_thread.run_sync(self.planned)
        async with self.writing("db stop"):
            self._want_database(False)
            self.reporter.step("Stopping the database")
            await self.compose(planned).stop([Service.TIMESCALEDB])
            return (await self.look()).timescaledb

    def _want_database(self, wanted: bool) -> None:
        """Remember whether the database is wanted, if the stack is. The watcher ignores a stack that is not."""
        path = self.settings.paths.intent_file
        intent = load_intent(path)[0]
        if intent is not None and intent.wanted == "up" and intent.database is not wanted:
            save_intent(path, replace(intent, database=wanted, at=time.time()))

    # --- inspect ----------------------------------------------------------------------------------------------

    async def inspect(self) -> DatabaseStatus:
        """Return the state of the database and, if it is running, what it holds.

        :raises EngineError: if the engine cannot be asked
        :raises DataError: if the database does not answer
        """
        state, volume = (await self.look()).timescaledb, volume_name(self.settings)
        content = await self.content() if state.running else None
        return DatabaseStatus(state=state, volume=volume, has_volume=await self.api.has_volume(volume), content=content)

    async def content(self) -> Content:
        """Return what the running database holds.

        :raises DataError: if it is not running or does not answer
        """
        server = await self.server()
        names = parse_content(await server.ask("postgres", content_sql([]))).databases
        return parse_content(await server.ask("postgres", content_sql(names)))

    async def server(self) -> Server:
        """Return the running server.

        :raises DataError: if it is not running
        """
        state = (await self.look()).timescaledb
        if not state.running:
            raise caused(
                "database-not-running", "The database is not running.", help="Start it with `run-claude db start`."
            )
        return Server(self.endpoint, state.id, on_command=self.reporter.command)

    # --- backup, restore, destroy -----------------------------------------------------------------------------

    @property
    def backup_folder(self) -> Path:
        """Where backups go that were given no file."""
        return self.settings.paths.state / "backups"

    async def backup(self, path: Path | None = None) -> Manifest:
        """Write all databases to a file (0600) that gets its name only when it is complete. The proxy keeps running.

        :param path: a new file; by default one in :attr:`backup_folder`
        :raises ConfigError: if the file exists, or its folder cannot be used
        :raises DataError: if the database is not running or cannot be dumped
        """
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        path = path or self.backup_folder / f"{self.settings.instance}-{stamp}.tar"
        refuse_existing(path)
        server = await self.server()
        async with self.writing("db backup"):
            content = await self.content()
            return await write_backup(server, content, path, instance=self.settings.instance, reporter=self.reporter)

    async def restore(self, path: Path) -> Manifest:
        """Replace the databases with those of a backup: all of them, or none.

        The backup is restored into new databases first, and their rows are counted. Only then is the proxy stopped,
        and the databases are swapped in one transaction. If anything fails before that, nothing has changed.

        :raises DataError: if the file is not a complete backup, or cannot be restored
        :raises StartError: if everything is restored, but the proxy does not get healthy again
        """
        self.reporter.step("Verifying the backup")
        manifest = await anyio.to_thread.run_sync(verify_file, path)
        server = await self.server()
        async with self.writing("db restore"):
            await restore_backup(self, server, manifest)
        return manifest

    async def inspect_existing(self) -> DatabaseStatus:
        """Return what :meth:`inspect` does, if there is something to destroy.

        :raises DataError: if there is neither a volume nor a container
        """
        status = await self.inspect()
        if not status.has_volume and not status.state.id:
            name = self.settings.instance
            raise caused("no-data", f"{name} has no database.", help="There is nothing to remove.")
        return status

    async def destroy(self, *, backup: bool = True) -> Manifest | None:
        """Remove the containers, the network and the database's volume: all data of this instance.

        :param backup: whether to write a backup first; this starts the database if needed
        :raises DataError: if the backup fails; nothing was removed
        :raises EngineError: if the engine refuses
        """
        manifest = None
        if backup:
            if not (await self.look()).timescaledb.running:
                await self.start()
            manifest = await self.backup()
        planned = await anyio.to_thread.run_sync(self.planned)
        async with self.writing("db destroy"):
            self.intend("down", planned, database=True)
            self.reporter.step("Removing the containers")
            await self.compose(planned).down()
            self.reporter.step("Removing the data")
            await self.compose(planned).remove_volume(volume_name(self.settings))
        return manifest

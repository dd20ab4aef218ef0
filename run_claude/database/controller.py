"""The commands on the database of one instance."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import anyio

from run_claude.config.files import ensure_folder
from run_claude.database.archive import Manifest, Writer, read_manifest, read_part
from run_claude.database.queries import Content, content_sql, count_sql, drop_sql, parse_content, swap_sql
from run_claude.database.server import Server
from run_claude.deploy.plan import prepare
from run_claude.domain.lifecycle import Phase, Service, ServiceState
from run_claude.errors import ConfigError, DataError, RunClaudeError
from run_claude.stack.preflight import volume_name
from run_claude.stack.session import Session
from run_claude.stack.start import Start
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.state.intent import load_intent, save_intent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

__all__ = ["Database", "DatabaseStatus"]

_CLEAN_UP_WITHIN = 1.5  # seconds, after Ctrl-C; what is left, the next restore removes
_TOLD_EVERY = 1 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """What there is of a database.

    :param content: what is in it; ``None`` if it does not run
    """

    state: ServiceState
    volume: str
    has_volume: bool
    content: Content | None


class Database(Session):
    """The database of one instance. Open with :meth:`open`."""

    async def start(self, *, timeout: float = DEFAULT_TIMEOUT) -> ServiceState:  # noqa: ASYNC109 (as in Stack.up)
        """Bring the database up, and nothing else, and wait until it is healthy.

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
        """Stop the database; its data stays, and the proxy runs on.

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
        """Remember it where the stack is wanted up. One that is wanted down is healed by nobody anyway."""
        path = self.settings.paths.intent_file
        intent = load_intent(path)[0]
        if intent is not None and intent.wanted == "up" and intent.database is not wanted:
            save_intent(path, replace(intent, database=wanted, at=time.time()))

    # --- looking ----------------------------------------------------------------------------------------------

    async def inspect(self) -> DatabaseStatus:
        """Return what there is, and if the database runs, what is in it.

        :raises EngineError: if the engine cannot be asked
        :raises DataError: if the database does not answer
        """
        state, volume = (await self.look()).timescaledb, volume_name(self.settings)
        content = await self.content() if state.running else None
        return DatabaseStatus(state=state, volume=volume, has_volume=await self.api.has_volume(volume), content=content)

    async def content(self) -> Content:
        """Return what is in the running database.

        :raises DataError: if it does not run or does not answer
        """
        server = await self.server()
        names = parse_content(await server.ask("postgres", content_sql([]))).databases
        return parse_content(await server.ask("postgres", content_sql(names)))

    async def server(self) -> Server:
        """Return the running server.

        :raises DataError: if it does not run
        """
        state = (await self.look()).timescaledb
        if not state.running:
            raise DataError(
                "The database does not run.",
                help="Start it with `run-claude db start`.",
                code="database-not-running",
            )
        return Server(self.endpoint, state.id, on_command=self.reporter.command)

    # --- backup -----------------------------------------------------------------------------------------------

    def backup_path(self) -> Path:
        """Return where a backup goes that was given no file."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        return self.settings.paths.state / "backups" / f"{self.settings.instance}-{stamp}.tar"

    async def backup(self, path: Path) -> Manifest:
        """Write all databases to a file (0600) that is there when it is whole, and not before. The proxy runs on.

        :raises ConfigError: if the file is there already, or its folder cannot be used
        :raises DataError: if the database does not run or cannot be dumped
        """
        if os.path.lexists(path):  # noqa: ASYNC240 (one system call)
            raise ConfigError(
                f"{path} is there already.", help="Name a new file, or remove it first.", code="file-exists"
            )
        server = await self.server()
        async with self.writing("db backup"):
            content = await self.content()
            ensure_folder(path.parent)
            with _written_whole(path) as file:
                writer = Writer(file)
                for database in content.worth_keeping():
                    self.reporter.step(f"Backing up {database}")
                    await self._dump(server, writer, database)
                manifest = writer.finish(instance=self.settings.instance, server=content.version)
        return replace(manifest, path=str(path), bytes=os.stat(path).st_size)  # noqa: PTH116 (quick, as lexists is)

    async def _dump(self, server: Server, writer: Writer, database: str) -> None:
        """Dump a database and count its rows in one snapshot, so that a restore can be compared with it."""
        told = 0

        with writer.part(database) as part:

            def sink(chunk: bytes) -> None:
                nonlocal told
                part.write(chunk)
                if part.bytes - told >= _TOLD_EVERY:
                    told = part.bytes
                    self.reporter.line(f"{told >> 20} MB")

            async with server.snapshot(database, count_sql()) as (snapshot, rows):
                part.timescaledb, part.tables = _counted(rows)
                await server.dump(database, snapshot, sink)

    # --- restore ----------------------------------------------------------------------------------------------

    async def restore(self, path: Path) -> Manifest:
        """Put a backup in the place of what is there, all of it or nothing.

        It is read into databases beside the old ones, and counted there. Only then is the proxy stopped, and the old
        ones are replaced in one transaction; whatever fails before leaves everything as it was.

        :raises DataError: if the file is no whole backup, or cannot be restored
        :raises StartError: if all is restored, but the proxy does not get healthy again
        """
        self.reporter.step("Checking the file")
        manifest = await anyio.to_thread.run_sync(read_manifest, path)
        server = await self.server()
        names = [part.database for part in manifest.parts]
        fresh = [f"{name}_restoring" for name in names]
        async with self.writing("db restore"):
            await server.ask("template1", drop_sql([*fresh, *(f"{name}_replaced" for name in names)]))
            try:
                await self._read_in(server, manifest)
                await self._replace(server, manifest)
            except BaseException:
                with anyio.move_on_after(_CLEAN_UP_WITHIN, shield=True):
                    with suppress(RunClaudeError):  # what has failed is the one to tell
                        await server.ask("template1", drop_sql(fresh))
                raise
        return manifest

    async def _read_in(self, server: Server, manifest: Manifest) -> None:
        for part in manifest.parts:
            self.reporter.step(f"Restoring {part.database}")
            name = f"{part.database}_restoring"
            await server.create(name, timescaledb=part.timescaledb)
            await server.restore(name, self._told(read_part(Path(manifest.path), part)), part.timescaledb)
            found = _counted(await server.ask(name, count_sql()))[1]
            if found != part.tables:
                wrong = sorted(
                    table for table in found.keys() | part.tables.keys() if found.get(table) != part.tables.get(table)
                )
                raise DataError(
                    f"{part.database} has other rows than were backed up: {', '.join(wrong)}.",
                    help="The data that was there is in place, nothing was replaced. Try another backup.",
                    code="restore-failed",
                    facts={"tables": wrong},
                )

    async def _told(self, chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
        done = told = 0
        for chunk in chunks:
            yield chunk
            done += len(chunk)
            if done - told >= _TOLD_EVERY:
                told = done
                self.reporter.line(f"{told >> 20} MB")

    async def _replace(self, server: Server, manifest: Manifest) -> None:
        """Swap the databases while the proxy stands still; it is started again, whatever comes of it."""
        planned = await anyio.to_thread.run_sync(self.planned)
        compose = self.compose(planned)
        proxy = (await self.look()).litellm.running
        try:
            if proxy:
                self.reporter.step("Stopping the proxy")
                await compose.stop([Service.LITELLM])
            self.reporter.step("Replacing the databases")
            there = parse_content(await server.ask("template1", content_sql([]))).databases
            sql = swap_sql([part.database for part in manifest.parts], there)
            await server.ask("template1", sql, code="restore-failed")
        finally:
            if proxy:
                with anyio.CancelScope(shield=True):
                    await compose.up([Service.LITELLM])
        await server.wake_workers([part.database for part in manifest.parts if part.timescaledb])
        if proxy:
            await Start(self, planned, (Service.LITELLM,), DEFAULT_TIMEOUT).run()

    # --- destroy ----------------------------------------------------------------------------------------------

    async def destroy(self) -> None:
        """Remove the containers, the network and the database's volume: all data of this instance.

        :raises EngineError: if the engine refuses
        """
        planned = await anyio.to_thread.run_sync(self.planned)
        async with self.writing("db destroy"):
            self.intend("down", planned, database=True)
            self.reporter.step("Removing the containers")
            await self.compose(planned).down()
            self.reporter.step("Removing the data")
            await self.compose(planned).remove_volume(volume_name(self.settings))


@contextmanager
def _written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that takes its name when the block has ended well; else nothing is left of it.

    :raises DataError: if it cannot be written: a full disk
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
            os.link(temporary, path)  # unlike a rename it replaces nothing that has come up meanwhile
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(OSError):  # some network file systems cannot
            os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}.",
            help=f"Check the folder and the space left: df -h {path.parent}",
            code="backup-failed",
            facts={"file": str(path)},
        ) from error


def _counted(lines: list[str]) -> tuple[str, dict[str, int]]:
    extension, tables = "", {}
    for row in (json.loads(line) for line in lines if line.startswith("{")):
        if "table" in row:
            tables[str(row["table"])] = int(row["rows"])
        else:
            extension = row["timescaledb"] or ""
    return extension, tables

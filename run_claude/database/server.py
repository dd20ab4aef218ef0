"""The running PostgreSQL, through the commands in its container: over its socket, they need no password."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from run_claude.docker.process import Completed, open_group, pump, run
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence

    from run_claude.docker.endpoint import Endpoint
    from run_claude.errors import RunClaudeError

__all__ = ["Server"]

_END = "run-claude: end"
_NO_CONNECTION = r"too many (?:clients already|connections for)|remaining connection slots are reserved"
_LONGEST_LINE = 1 << 20  # bytes
# Ends the command when its standard input ends, as it does when we die. The engine does not: when `docker exec` is
# killed, its command keeps running in the container, and a dump without a reader would wait forever.
_WHILE_WANTED = """
exec 3<&0
"$@" </dev/null & command=$!
(while read -r _ <&3; do :; done; kill $command) & watcher=$!
wait $command; code=$?
kill $watcher
exit $code
"""
_PSQL = ("psql", "-XqAtU", "postgres", "-v", "ON_ERROR_STOP=1")


@dataclass(frozen=True, slots=True)
class Server:
    """PostgreSQL in a container."""

    endpoint: Endpoint
    container: str  # its ID
    environ: Mapping[str, str] = field(repr=False)  # of the docker command
    on_command: Callable[[Sequence[str]], None] = field(default=lambda argv: None)

    def argv(self, *command: str, options: Sequence[str] = ("-i",)) -> list[str]:
        """Return the command line that runs a command in the container."""
        return ["docker", "exec", *options, self.container[:12], *command]

    def environment(self) -> dict[str, str]:
        """Return the environment that makes the docker command use our engine."""
        kept = {name: value for name, value in self.environ.items() if not name.startswith("DOCKER_")}
        if config := self.environ.get("DOCKER_CONFIG"):
            kept["DOCKER_CONFIG"] = config
        return kept | self.endpoint.environment()

    async def ask(self, database: str, sql: str, *, code: str = "query-failed") -> list[str]:
        """Run SQL until its first error, and return the lines of the answers.

        :raises DataError: with PostgreSQL's message
        """
        argv = self.argv(*_PSQL, "-d", database)
        self.on_command(argv)
        done = await run(argv, env=self.environment(), text=sql)
        if done.returncode != 0:
            raise _failed("The database refused a statement", done, code)
        return done.stdout.splitlines()

    @asynccontextmanager
    async def snapshot(self, database: str, sql: str) -> AsyncIterator[tuple[str, list[str]]]:
        """Yield the name of a snapshot, which lasts as long as the block, and the answers to ``sql`` in it.

        :raises DataError: with PostgreSQL's message
        """
        argv = self.argv(*_PSQL, "-d", database)
        self.on_command(argv)
        text = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSELECT pg_export_snapshot();\n{sql}\\echo {_END}\n"
        async with open_group(argv, env=self.environment(), stdin=True) as process:
            assert process.stdin is not None  # noqa: S101 (asked for)
            assert process.stdout is not None  # noqa: S101
            with suppress(anyio.BrokenResourceError):  # it ended without reading; its exit code tells why
                await process.stdin.send(text.encode())
            stream, lines = BufferedByteReceiveStream(process.stdout), []
            try:
                while (line := (await stream.receive_until(b"\n", _LONGEST_LINE)).decode()) != _END:
                    lines.append(line)
            except (EOFError, anyio.IncompleteRead) as error:
                raise _failed(f"{database} cannot be read", await _ended(process, argv), "backup-failed") from error
            yield lines[0], lines[1:]
            await process.stdin.aclose()
            await process.wait()

    async def dump(self, database: str, snapshot: str, sink: Callable[[bytes], None]) -> None:
        """Dump a database as a snapshot sees it.

        :param sink: called with each chunk of the dump

        :raises DataError: with ``pg_dump``'s message
        """
        command = ("pg_dump", "-U", "postgres", "-Fc", f"--snapshot={snapshot}", database)
        argv = self.argv("sh", "-c", _WHILE_WANTED, "sh", *command)
        self.on_command(self.argv(*command))
        done = await pump(argv, env=self.environment(), source=_never(), sink=sink)
        if done.returncode != 0:
            raise _failed(f"{database} cannot be dumped", done, "backup-failed")

    async def create(self, database: str, *, timescaledb: str) -> None:
        """Create an empty database, ready for :meth:`restore`.

        :raises DataError: if the image does not have this version of TimescaleDB
        """
        await self.ask("template1", f'CREATE DATABASE "{database}" TEMPLATE template0;\n', code="restore-failed")
        if timescaledb:
            sql = f"CREATE EXTENSION timescaledb VERSION '{timescaledb}';\n"
            await self.ask(database, sql, code="restore-failed")
            # It changes a setting of the database, which applies to new sessions only.
            await self.ask(database, "SELECT timescaledb_pre_restore();\n", code="restore-failed")

    async def restore(self, database: str, dump: AsyncIterable[bytes], timescaledb: str) -> None:
        """Restore a dump into an empty database.

        :raises DataError: with ``pg_restore``'s first error
        """
        argv = self.argv("pg_restore", "-U", "postgres", "--exit-on-error", "-d", database)
        self.on_command(argv)
        done = await pump(argv, env=self.environment(), source=dump)
        if done.returncode != 0:
            raise _failed(f"{database.removesuffix('_restoring')} cannot be restored", done, "restore-failed")
        if timescaledb:
            await self.ask(database, "SELECT timescaledb_post_restore();\n", code="restore-failed")
            # TimescaleDB requires it to come first in a session. Does nothing if the version is the image's own.
            await self.ask(database, "ALTER EXTENSION timescaledb UPDATE;\n", code="restore-failed")
        await self.ask(database, "ANALYZE;\n", code="restore-failed")

    async def wake_workers(self, databases: Sequence[str]) -> None:
        """Start TimescaleDB's jobs again: a database loses its scheduler when it is renamed.

        :raises DataError: with PostgreSQL's message
        """
        for database in databases:
            await self.ask(database, "SELECT _timescaledb_functions.start_background_workers();\n")


async def _never() -> AsyncIterator[bytes]:
    """Yield nothing, forever."""
    await anyio.sleep_forever()
    yield b""


async def _ended(process: object, argv: Sequence[str]) -> Completed:
    from anyio.abc import Process

    assert isinstance(process, Process)  # noqa: S101
    said = b""
    if process.stderr is not None:
        async for chunk in process.stderr:
            said += chunk
    return Completed(tuple(argv), await process.wait(), "", said.decode(errors="replace"))


def _failed(what: str, done: Completed, code: str) -> RunClaudeError:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    if re.search(_NO_CONNECTION, done.stderr):
        return caused("database-connections", f"{what}: all connections of the database are in use.")
    first = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    kept = " The old data is still in place." if code == "restore-failed" else ""
    return caused(
        code,
        f"{what}: {first.strip() or f'exit code {done.returncode}'}",
        help=f"See the database's log: `run-claude proxy logs --service timescaledb`.{kept}",
        detail="\n".join(lines[-12:]) if len(lines) > 1 else "",
    )

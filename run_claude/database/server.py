"""The running PostgreSQL, by the commands in its container: over its socket they need no password."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from run_claude.docker.process import Completed, open_group, pump, run
from run_claude.errors import DataError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence

    from run_claude.docker.endpoint import Endpoint

__all__ = ["Server"]

_END = "run-claude: end"
_LONGEST_LINE = 1 << 20  # bytes
# Ends the command when its standard input ends, which it does with whoever started it: the engine goes on with what
# runs in a container when the docker command dies, and a dump that nobody reads would wait for ever.
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
    container: str  # ID
    on_command: Callable[[Sequence[str]], None] = field(default=lambda argv: None)

    def argv(self, *command: str, options: Sequence[str] = ("-i",)) -> list[str]:
        """Return the command line that runs a command in the container."""
        return ["docker", "exec", *options, self.container[:12], *command]

    def environment(self) -> dict[str, str]:
        """Return the process environment that makes docker use our engine."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
        if config := os.environ.get("DOCKER_CONFIG"):
            kept["DOCKER_CONFIG"] = config
        return kept | self.endpoint.environment()

    async def ask(self, database: str, sql: str, *, code: str = "query-failed") -> list[str]:
        """Run SQL, stopping at its first error, and return the lines of the answers.

        :raises DataError: with PostgreSQL's words
        """
        argv = self.argv(*_PSQL, "-d", database)
        self.on_command(argv)
        done = await run(argv, env=self.environment(), text=sql)
        if done.returncode != 0:
            raise _failed("The database refused a statement", done, code)
        return done.stdout.splitlines()

    @asynccontextmanager
    async def snapshot(self, database: str, sql: str) -> AsyncIterator[tuple[str, list[str]]]:
        """Yield a snapshot's name, which holds for the time of the block, and the answers to ``sql`` in it.

        :raises DataError: with PostgreSQL's words
        """
        argv = self.argv(*_PSQL, "-d", database)
        self.on_command(argv)
        text = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSELECT pg_export_snapshot();\n{sql}\\echo {_END}\n"
        async with open_group(argv, env=self.environment(), stdin=True) as process:
            assert process.stdin is not None  # noqa: S101 (asked for)
            assert process.stdout is not None  # noqa: S101
            await process.stdin.send(text.encode())
            stream, lines = BufferedByteReceiveStream(process.stdout), []
            try:
                while (line := (await stream.receive_until(b"\n", _LONGEST_LINE)).decode()) != _END:
                    lines.append(line)
            except EOFError as error:
                raise _failed(f"{database} cannot be read", await _ended(process, argv), "backup-failed") from error
            yield lines[0], lines[1:]
            await process.stdin.aclose()
            await process.wait()

    async def dump(self, database: str, snapshot: str, sink: Callable[[bytes], None]) -> None:
        """Hand over the dump of a database as that snapshot sees it.

        :raises DataError: with ``pg_dump``'s words
        """
        command = ("pg_dump", "-U", "postgres", "-Fc", f"--snapshot={snapshot}", database)
        argv = self.argv("sh", "-c", _WHILE_WANTED, "sh", *command)
        self.on_command(self.argv(*command))
        done = await pump(argv, env=self.environment(), source=_nothing(), sink=sink)
        if done.returncode != 0:
            raise _failed(f"{database} cannot be dumped", done, "backup-failed")

    async def create(self, database: str, *, timescaledb: str) -> None:
        """Create an empty database, ready for :meth:`restore`.

        :raises DataError: if the image has not this version of TimescaleDB
        """
        await self.ask("template1", f'CREATE DATABASE "{database}" TEMPLATE template0;\n', code="restore-failed")
        if timescaledb:
            sql = f"CREATE EXTENSION timescaledb VERSION '{timescaledb}';\n"
            await self.ask(database, sql, code="restore-failed")
            # In a session of its own: the setting that it makes counts for new ones.
            await self.ask(database, "SELECT timescaledb_pre_restore();\n", code="restore-failed")

    async def restore(self, database: str, dump: AsyncIterable[bytes], timescaledb: str) -> None:
        """Restore a dump into an empty database.

        :raises DataError: with ``pg_restore``'s words, at its first error
        """
        argv = self.argv("pg_restore", "-U", "postgres", "--exit-on-error", "-d", database)
        self.on_command(argv)
        done = await pump(argv, env=self.environment(), source=dump)
        if done.returncode != 0:
            raise _failed(f"{database.removesuffix('_restoring')} cannot be restored", done, "restore-failed")
        if timescaledb:
            await self.ask(database, "SELECT timescaledb_post_restore();\n", code="restore-failed")
            # First in its session, as TimescaleDB wants it; does nothing for the version that the image has.
            await self.ask(database, "ALTER EXTENSION timescaledb UPDATE;\n", code="restore-failed")
        await self.ask(database, "ANALYZE;\n", code="restore-failed")

    async def wake_workers(self, databases: Sequence[str]) -> None:
        """Let TimescaleDB's jobs run again: a database that was renamed has lost its scheduler.

        :raises DataError: with PostgreSQL's words
        """
        for database in databases:
            await self.ask(database, "SELECT _timescaledb_functions.start_background_workers();\n")


async def _nothing() -> AsyncIterator[bytes]:
    """Yield nothing, and do not end."""
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


def _failed(what: str, done: Completed, code: str) -> DataError:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    first = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    kept = " The data that was there is in place." if code == "restore-failed" else ""
    return DataError(
        f"{what}: {first.strip() or f'exit code {done.returncode}'}",
        help=f"`run-claude proxy logs --service timescaledb` shows what it says itself.{kept}",
        code=code,
        detail="\n".join(lines[-12:]) if len(lines) > 1 else "",
    )

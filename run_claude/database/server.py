"""The running PostgreSQL, through the commands in its container: over its socket, they need no password."""

from __future__ import annotations

import os
import re
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from run_claude.config.database_roles import owner_of
from run_claude.database.around import extensions_sql, genuine_sql, own_jobs_sql
from run_claude.database.failure import failed
from run_claude.database.queries import connection, count_sql, identifier, text_literal
from run_claude.database.script import SUPERUSER, Script, Statements
from run_claude.docker.process import Completed, open_group, pump
from run_claude.stack.takeover import roles_script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from run_claude.database.archive import Part
    from run_claude.docker.endpoint import Endpoint

__all__ = ["Server"]

_END = "run-claude: end"
_LONGEST_LINE = 1 << 24  # bytes
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
# Reads the list of entries off the front of its standard input, which pg_restore reads on.
_WITH_LISTING = """
size=$1 list=$2; shift 2; umask 077
dd bs="$size" count=1 iflag=fullblock of="$list" 2>/dev/null || { echo "error: $list cannot be written" >&2; exit 1; }
"$@"; code=$?
rm -f "$list"
exit $code
"""
_PSQL = ("psql", "-XqAt", "-v", "ON_ERROR_STOP=1")
# A database's own settings may not change what our SQL means: whose function `format` is, what a backslash is.
_PLAIN = "-c search_path=pg_catalog -c standard_conforming_strings=on"
# Entries of a dump that a superuser alone can restore; what of them is worth having is in the manifest.
_SCHEMA = re.compile(r"\d+; \d+ \d+ SCHEMA - (.*)")
_LEFT_OUT = re.compile(r"\d+; \d+ \d+ (DEFAULT ACL|COMMENT - EXTENSION) ")


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

    def _psql(self, database: str, user: str = SUPERUSER) -> list[str]:
        options = ("-i", "-e", f"PGOPTIONS={_PLAIN}")
        return self.argv(*_PSQL, "-U", user, "-d", connection(database), options=options)

    async def ask(self, database: str, sql: str, *, code: str = "query-failed") -> list[str]:
        """Run SQL until its first error, and return the lines of the answers.

        :raises DataError: with PostgreSQL's message
        """
        return (await self.ask_in_turn([Statements(database, sql)], code=code))[0]

    async def ask_in_turn(self, sessions: Sequence[Statements], *, code: str) -> list[list[str]]:
        """Run SQL in one session after the other until the first error; return the lines of each session's answers.

        :raises DataError: with PostgreSQL's message
        """
        argv = self._psql(sessions[0].database, sessions[0].user)
        script = Script(sessions, f"run-claude: {os.urandom(8).hex()}")
        self.on_command(argv)
        done = await pump(argv, env=self.environment(), source=script.source(), sink=script.sink)
        if done.returncode != 0:
            raise failed("The database refused a statement", done, code)
        return script.answers()

    @asynccontextmanager
    async def snapshot(self, database: str, sql: str) -> AsyncIterator[tuple[str, list[str]]]:
        """Yield the name of a snapshot, which lasts as long as the block, and the answers to ``sql`` in it.

        :raises DataError: with PostgreSQL's message
        """
        argv = self._psql(database)
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
                raise failed(f"{database} cannot be read", await _ended(process, argv), "backup-failed") from error
            yield lines[0], lines[1:]
            await process.stdin.aclose()
            await process.wait()

    async def dump(self, database: str, snapshot: str, sink: Callable[[bytes], None]) -> None:
        """Dump a database as a snapshot sees it.

        :param sink: called with each chunk of the dump

        :raises DataError: with ``pg_dump``'s message
        """
        command = ("pg_dump", "-U", "postgres", "-Fc", f"--snapshot={snapshot}", "-d", connection(database))
        argv = self.argv("sh", "-c", _WHILE_WANTED, "sh", *command)
        self.on_command(self.argv(*command))
        done = await pump(argv, env=self.environment(), source=_never(), sink=sink)
        if done.returncode != 0:
            raise failed(f"{database} cannot be dumped", done, "backup-failed")

    async def create(self, name: str, part: Part, *, owner: str) -> list[str]:
        """Create an empty database with the locale and the extensions of a part, ready for :meth:`restore`.

        Returns the schemas that are there already, for these extensions.

        :param owner: who reads the dump in; what no other than a superuser can create is there then
        :raises DataError: if the image does not have an extension
        """
        *_, there = await self.ask_in_turn(_creation(name, part, owner), code="restore-failed")
        return there

    async def restore(
        self,
        name: str,
        part: Part,
        dump: Callable[[], Iterable[bytes]],
        *,
        owner: str,
        there: Sequence[str],
        on_chunk: Callable[[int], None],
    ) -> None:
        """Restore a dump into a new database.

        :param dump: reads it: once for its list of entries, once for its data
        :param owner: who reads it in, and owns everything in it for now; ``postgres`` restores owners as well
        :param there: the schemas that are there already
        :raises DataError: with ``pg_restore``'s first error
        """
        wanted = (await self._entries(part, dump, there, everything=owner == SUPERUSER) + "\n").encode()
        listing = f"/tmp/{name}.list"  # noqa: S108 (in the container, a tmpfs)
        keep = () if owner == SUPERUSER else ("--no-owner",)
        command = ("pg_restore", "-U", owner, *keep, "--exit-on-error", "-L", listing, "-d", connection(name))
        self.on_command(self.argv(*command))
        argv = self.argv("sh", "-c", _WITH_LISTING, "sh", str(len(wanted)), listing, *command)
        source = _counted(chain([wanted], dump()), on_chunk)
        done = await pump(argv, env=self.environment(), source=source)
        if done.returncode != 0:
            raise failed(f"{part.database} cannot be restored", done, "restore-failed")

    async def complete(self, name: str, part: Part, *, owner: str) -> tuple[list[str], list[str]]:
        """Make a restored database one to be used, and count its rows.

        Returns TimescaleDB's jobs that ran as the superuser, and do not any more, and the answers to ``count_sql``.

        :raises DataError: with PostgreSQL's message
        """
        jobs, *_, counts = await self.ask_in_turn(_completion(name, part, owner), code="restore-failed")
        return jobs, counts

    async def _entries(
        self, part: Part, dump: Callable[[], Iterable[bytes]], there: Sequence[str], *, everything: bool
    ) -> str:
        """Return the list of a dump's entries, as ``pg_restore`` takes it: those that its reader can restore."""
        head: list[bytes] = []
        argv = self.argv("pg_restore", "-l")
        done = await pump(argv, env=self.environment(), source=_counted(dump(), lambda count: None), sink=head.append)
        if done.returncode != 0:
            raise failed(f"{part.database} cannot be restored", done, "restore-failed")
        lines = b"".join(head).decode(errors="replace").split("\n")
        known = tuple(f"{schema} " for schema in there)
        lines = [line for line in lines if not ((made := _SCHEMA.match(line)) and made[1].startswith(known))]
        return "\n".join(line for line in lines if everything or not _LEFT_OUT.match(line))

    async def wake_workers(self, databases: Sequence[str]) -> None:
        """Start TimescaleDB's jobs again: a database loses its scheduler when it is renamed.

        :raises DataError: with PostgreSQL's message
        """
        sql = f"{genuine_sql()}SELECT _timescaledb_functions.start_background_workers();\n"
        if databases:
            await self.ask_in_turn([Statements(database, sql) for database in databases], code="query-failed")

    async def make_roles(self, password: str) -> None:
        """Make the databases' roles what they are to be, as at each start.

        :param password: for roles that have none yet
        :raises DataError: with PostgreSQL's message
        """
        argv = self.argv("sh", "-s")
        self.on_command(argv)
        done = await pump(
            argv,
            env=self.environment(),
            source=_counted([roles_script(password, keep=True).encode()], lambda count: None),
            sink=_nowhere,
        )
        if done.returncode != 0:
            raise failed("The roles of the databases cannot be made", done, "query-failed")


def _creation(name: str, part: Part, owner: str) -> list[Statements]:
    around = part.around
    create = f"CREATE DATABASE {identifier(name)} OWNER {identifier(owner)} TEMPLATE template0{_locale(around)};\n"
    sessions = [Statements("template1", create)]
    if part.timescaledb:
        # By its owner-to-be: an extension has no other owner than who has created it.
        extension = f"CREATE EXTENSION timescaledb SCHEMA public VERSION '{part.timescaledb}';\n"
        # It changes a setting of the database, which applies to new sessions only. No trigger may be put there: it
        # would run as whoever writes.
        schemas = "_timescaledb_catalog, _timescaledb_config, _timescaledb_internal"
        grants = f"""SELECT public.timescaledb_pre_restore();
GRANT USAGE ON SCHEMA {schemas} TO {identifier(owner)};
GRANT CREATE ON SCHEMA _timescaledb_internal TO {identifier(owner)};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schemas} TO {identifier(owner)};
GRANT ALL ON ALL SEQUENCES IN SCHEMA {schemas} TO {identifier(owner)};
"""
        sessions += [Statements(name, extension, owner), Statements(name, grants)]
    return [*sessions, Statements(name, extensions_sql(around.get("extensions") or [], owner))]


def _completion(name: str, part: Part, owner: str) -> list[Statements]:
    ours = part.timescaledb and owner != SUPERUSER
    sessions = [Statements(name, genuine_sql() + own_jobs_sql(owner_of(part.database)) if ours else "")]
    if part.timescaledb:
        sessions += [
            Statements(name, "SELECT public.timescaledb_post_restore();\n"),
            # TimescaleDB requires it to come first in a session. Does nothing if the version is the image's own.
            Statements(name, "ALTER EXTENSION timescaledb UPDATE;\n"),
        ]
    # By who owns the tables: it calls the functions of their indexes.
    analyze = Statements(name, "SET client_min_messages = error;\nANALYZE;\n", owner)
    return [*sessions, analyze, Statements(name, count_sql())]


def _locale(around: Mapping[str, Any]) -> str:
    """Return the part of a CREATE DATABASE that says in which language a database sorts."""
    given = (("ENCODING", "encoding"), ("LC_COLLATE", "collate"), ("LC_CTYPE", "ctype"))
    return "".join(f" {word} {text_literal(str(around[key]))}" for word, key in given if around.get(key))


async def _counted(chunks: Iterable[bytes], on_chunk: Callable[[int], None]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
        on_chunk(len(chunk))


def _nowhere(chunk: bytes) -> None:
    """Take what nobody reads."""


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

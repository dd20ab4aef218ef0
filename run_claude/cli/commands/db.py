"""`run-claude db …`"""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import asyncclick as click

from run_claude.cli.context import App, common
from run_claude.domain.lifecycle import Phase

if TYPE_CHECKING:
    from run_claude.database import Content, Database, Manifest
    from run_claude.domain.lifecycle import ServiceState

__all__ = ["db"]


@click.group()
@common
def db() -> None:
    """The database by itself: start, stop, look, back up, restore.

    \b
    run-claude db status
    run-claude db backup before-the-upgrade.tar
    run-claude db restore before-the-upgrade.tar
    """


@db.command()
@click.option("--timeout", metavar="S", type=click.FloatRange(min=1), help="Seconds from running to healthy.")
@common
@click.pass_obj
async def start(app: App, timeout: float | None) -> None:  # noqa: ASYNC109 (the user's word for it)
    """Bring the database up, and nothing else, and wait until it is healthy.

    \b
    run-claude db start
    """
    from run_claude.database import Database
    from run_claude.stack import DEFAULT_TIMEOUT

    settings = app.settings()
    with closing(app.reporter()) as reporter:
        async with Database.open(settings, reporter=reporter) as database:
            state = await database.start(timeout=timeout or DEFAULT_TIMEOUT)
    _phase(app, state, f", at {settings.bind}:{settings.database_port}")


@db.command()
@common
@click.pass_obj
async def stop(app: App) -> None:
    """Stop the database. Its data stays, and the proxy runs on without it.

    \b
    run-claude db stop
    """
    from run_claude.database import Database

    with closing(app.reporter()) as reporter:
        async with Database.open(app.settings(), reporter=reporter) as database:
            state = await database.stop()
    _phase(app, state, "; its data stays" if state.phase is not Phase.ABSENT else "")


def _phase(app: App, state: ServiceState, more: str) -> None:
    from run_claude.domain.lifecycle import as_json

    if app.json:
        app.output.document({"timescaledb": as_json(state)})
    else:
        app.output.text(f"timescaledb: {state.phase}{more}")


@db.command()
@common
@click.pass_obj
async def status(app: App) -> None:
    """Show size, version, volume, and each table with its rows and its newest one.

    \b
    run-claude db status
    run-claude db status --json | jq .tables
    """
    from run_claude.cli.views.database import status_screen
    from run_claude.database import Database

    with closing(app.reporter()) as reporter:
        async with Database.open(app.settings(), reporter=reporter) as database:
            status_screen(app, await database.inspect())


@db.command()
@click.option("-d", "--database", metavar="NAME", default="run_claude", show_default=True, help="Or litellm.")
@click.argument("arguments", metavar="[-- PSQL-OPTION...]", nargs=-1, type=click.UNPROCESSED)
@common
@click.pass_obj
async def shell(app: App, database: str, arguments: tuple[str, ...]) -> int:
    """Open psql on a database. No password is asked for.

    \b
    run-claude db shell
    run-claude db shell -d litellm -- -c 'SELECT 1'
    run-claude db shell < queries.sql
    """
    from run_claude.cli.commands.with_profile import run_in_the_terminal
    from run_claude.database import Database

    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    with closing(app.reporter()) as reporter:
        async with Database.open(app.settings(), reporter=reporter) as opened:
            server = await opened.server()
            options = ["-it", "-e", f"TERM={app.environ.get('TERM', 'dumb')}"] if terminal else ["-i"]
            argv = server.argv("psql", "-U", "postgres", "-d", database, *arguments, options=options)
            server.on_command(argv)
            return await run_in_the_terminal(app, argv, server.environment())


@db.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, resolve_path=True))
@common
@click.pass_obj
async def backup(app: App, file: Path | None) -> None:
    """Write everything to a file that only you can read. Nothing stops; without FILE it goes to the state folder.

    \b
    run-claude db backup
    run-claude db backup ~/backups/monday.tar
    """
    from run_claude.database import Database

    with closing(app.reporter()) as reporter:
        async with Database.open(app.settings(), reporter=reporter) as database:
            manifest = await database.backup(file or database.backup_path())
    if app.json:
        app.output.document(_manifest_json(manifest))
    else:
        app.output.text(f"Wrote {manifest.path}: {_words(manifest)}.")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True))
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
@click.pass_obj
async def restore(app: App, file: Path, yes: bool) -> None:
    """Put a backup in the place of what is there: all of it, or nothing if anything fails.

    \b
    run-claude db restore ~/backups/monday.tar
    """
    from run_claude.cli.ask import confirm
    from run_claude.database import Database, read_manifest

    manifest = read_manifest(file)
    with closing(app.reporter()) as reporter:
        async with Database.open(app.settings(), reporter=reporter) as database:
            if not yes:
                there = await database.content()
                app.output.note(
                    f"{file}: {_words(manifest)}, of {_when(manifest.created)}, instance {manifest.instance}."
                )
                app.output.note(f"It replaces what is there: {_content_words(there)}.")
                if not await confirm("Replace it?"):
                    raise _not_confirmed()
            manifest = await database.restore(file)
    if app.json:
        app.output.document(_manifest_json(manifest))
    else:
        app.output.text(f"Restored and counted: {_words(manifest)}.")


@db.command()
@click.option("--no-dump", is_flag=True, help="Write no backup first. What is removed is gone then.")
@click.option("--yes-destroy-data", is_flag=True, help="Do not ask.")
@common
@click.pass_obj
async def destroy(app: App, no_dump: bool, yes_destroy_data: bool) -> None:
    """Remove the database's data, and the containers with it. The one command that removes data.

    It says what would be lost, asks for the instance's name, and writes a backup first.

    \b
    run-claude db destroy
    run-claude --instance trial db destroy --no-dump
    """
    from run_claude.cli.ask import ask
    from run_claude.database import Database
    from run_claude.errors import DataError

    settings = app.settings()
    backup: Manifest | None = None
    with closing(app.reporter()) as reporter:
        async with Database.open(settings, reporter=reporter) as database:
            look = await database.inspect()
            if not look.has_volume and not look.state.id:
                raise DataError(
                    f"There is no database of {settings.instance}.",
                    help="Nothing is there to remove.",
                    code="no-data",
                )
            app.output.note(f"This removes the volume {look.volume} with all that is in it:")
            words = _content_words(look.content) if look.content else "the database does not run, so nobody can tell"
            app.output.note(f"  {words}.")
            app.output.note(
                "  No backup is written first."
                if no_dump
                else f"  A backup is written to {database.backup_path().parent}."
            )
            if not yes_destroy_data:
                typed = await ask(
                    f"Type the instance's name, {settings.instance}, to go on:", instead="--yes-destroy-data"
                )
                if typed != settings.instance:
                    raise _not_confirmed()
            if not no_dump:
                backup = await _backup_first(database, running=look.content is not None)
            await database.destroy()
    if app.json:
        app.output.document({"volume": look.volume, "backup": backup.path if backup else None})
        return
    app.output.text(f"Removed {look.volume}.")
    if backup:
        app.output.text(f"Backup: {backup.path}. `run-claude db start` and `run-claude db restore` bring it back.")


async def _backup_first(database: Database, *, running: bool) -> Manifest:
    if not running:
        await database.start()
    return await database.backup(database.backup_path())


def _not_confirmed() -> Exception:
    from run_claude.errors import DataError

    return DataError(
        "Not confirmed: nothing was changed.", help="Run it again to be asked again.", code="not-confirmed"
    )


def _words(manifest: Manifest) -> str:
    from run_claude.cli.views.formatting import counted, size

    rows = sum(part.rows for part in manifest.parts)
    tables = sum(len(part.tables) for part in manifest.parts)
    names = ", ".join(part.database for part in manifest.parts)
    return f"{names} with {counted(tables, 'table')} and {counted(rows, 'row')}, {size(manifest.bytes)}"


def _content_words(content: Content) -> str:
    from run_claude.cli.views.formatting import counted, size

    tables = [table for table in content.tables if table.rows]
    newest = f", the newest of {content.newest.replace('T', ' ')} UTC" if content.newest else ""
    rows = sum(table.rows for table in tables)
    return f"{size(content.bytes)}, {counted(len(content.tables), 'table')} with {counted(rows, 'row')}{newest}"


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _manifest_json(manifest: Manifest) -> dict[str, object]:
    return {
        "file": manifest.path,
        "bytes": manifest.bytes,
        "instance": manifest.instance,
        "server": manifest.server,
        "databases": {
            part.database: {"bytes": part.bytes, "rows": part.rows, "tables": part.tables} for part in manifest.parts
        },
    }

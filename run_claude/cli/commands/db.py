"""`run-claude db …`"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import asyncclick as click

from run_claude.cli.context import App, common
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service

__all__ = ["db"]


@click.group()
@common
def db() -> None:
    """Manage the database: start, stop, inspect, back up, restore, destroy.

    \b
    run-claude db status
    run-claude db backup before-the-upgrade.tar
    run-claude db restore before-the-upgrade.tar
    """


@db.command()
@click.option("--timeout", metavar="S", type=click.FloatRange(min=1), help="Seconds to wait for it to get healthy.")
@common
@click.pass_obj
async def start(app: App, timeout: float | None) -> None:  # noqa: ASYNC109 (the name of the option)
    """Start the database alone, and wait until it is healthy.

    \b
    run-claude db start
    """
    from run_claude.cli.views.database import service_screen
    from run_claude.config.addresses import published
    from run_claude.database import Database
    from run_claude.stack import DEFAULT_TIMEOUT

    settings = app.deployed_settings()
    with closing(app.reporter()) as reporter:
        async with Database.open(settings, reporter=reporter) as database:
            state = await database.start(timeout=timeout or DEFAULT_TIMEOUT)
    address = published(settings).get(Service.TIMESCALEDB)
    service_screen(app, state, f", at {address}" if address else "; no port is published")


@db.command()
@common
@click.pass_obj
async def stop(app: App) -> None:
    """Stop the database. Its data stays, and the proxy keeps running.

    \b
    run-claude db stop
    """
    from run_claude.cli.views.database import service_screen
    from run_claude.database import Database

    with closing(app.reporter()) as reporter:
        async with Database.open(app.deployed_settings(), reporter=reporter) as database:
            state = await database.stop()
    service_screen(app, state, "; its data stays" if state.phase is not Phase.ABSENT else "")


@db.command()
@common
@click.pass_obj
async def status(app: App) -> None:
    """Show version, size, and the rows of each table.

    \b
    run-claude db status
    run-claude db status --json | jq .tables
    """
    from run_claude.cli.views.database import status_screen
    from run_claude.database import Database

    with closing(app.reporter()) as reporter:
        async with Database.open(app.deployed_settings(), reporter=reporter) as database:
            status_screen(app, await database.inspect())


@db.command()
@click.option("-d", "--database", metavar="NAME", default="run_claude", show_default=True, help="Database; or litellm.")
@click.argument("arguments", metavar="[-- PSQL-OPTION...]", nargs=-1, type=click.UNPROCESSED)
@common
@click.pass_obj
async def shell(app: App, database: str, arguments: tuple[str, ...]) -> int:
    """Open psql. It needs no password.

    \b
    run-claude db shell
    run-claude db shell -d litellm -- -c 'SELECT 1'
    run-claude db shell < queries.sql
    """
    from run_claude.cli.terminal import run_in_terminal
    from run_claude.database import Database

    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    with closing(app.reporter()) as reporter:
        async with Database.open(app.deployed_settings(), reporter=reporter) as opened:
            server = await opened.server()
            options = ["-it", "-e", f"TERM={app.environ.get('TERM', 'dumb')}"] if terminal else ["-i"]
            argv = server.argv("psql", "-U", "postgres", "-d", database, *arguments, options=options)
            server.on_command(argv)
            return await run_in_terminal(app, argv, server.environment())


@db.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, resolve_path=True))
@click.option("--verify", is_flag=True, help="Restore it once, into databases that are dropped again.")
@common
@click.pass_obj
async def backup(app: App, file: Path | None, verify: bool) -> None:
    """Back up all databases to a file that only you can read. Everything keeps running.

    Without FILE, the backup goes to the state folder.

    \b
    run-claude db backup
    run-claude db backup ~/backups/monday.tar --verify
    """
    from run_claude.cli.views.database import backup_written
    from run_claude.database import Database

    with closing(app.reporter()) as reporter:
        async with Database.open(app.deployed_settings(), reporter=reporter) as database:
            manifest = await database.backup(file, verify=verify)
    backup_written(app, manifest)


@db.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True))
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--as-superuser", is_flag=True, help="Run what is in FILE as the superuser: only if you trust it.")
@common
@click.pass_obj
async def restore(app: App, file: Path, yes: bool, as_superuser: bool) -> None:
    """Replace all data with a backup. If anything fails, nothing is replaced.

    Nothing in FILE runs as the superuser. A backup with event triggers, or with functions in C, needs --as-superuser.

    \b
    run-claude db restore ~/backups/monday.tar
    """
    from run_claude.cli.ask import confirm
    from run_claude.cli.views.database import restore_warning, restored
    from run_claude.database import Database, salt_remark, verify_file

    manifest = verify_file(file)
    with closing(app.reporter()) as reporter:
        async with Database.open(app.deployed_settings(), reporter=reporter) as database:
            if not yes:
                restore_warning(
                    app, manifest, await database.content(), salt_remark(database.session.settings, manifest)
                )
                if not await confirm("Replace it?"):
                    raise _not_confirmed()
            manifest = await database.restore(file, as_superuser=as_superuser)
            proxy = (await database.session.look()).litellm.running
    restored(app, manifest, proxy=proxy)


@db.command()
@click.option("--no-dump", is_flag=True, help="Write no backup first. The data is lost for good.")
@click.option("--yes-destroy-data", is_flag=True, help="Do not ask for confirmation.")
@common
@click.pass_obj
async def destroy(app: App, no_dump: bool, yes_destroy_data: bool) -> None:
    """Remove the containers and all data. Only this and `uninstall --data` remove data.

    Shows what would be lost, asks for the name of the instance, and writes a backup first.

    \b
    run-claude db destroy
    run-claude --instance trial db destroy --no-dump
    """
    from run_claude.cli.ask import ask
    from run_claude.cli.views.database import destroy_warning, destroyed
    from run_claude.database import Database

    settings = app.deployed_settings()
    with closing(app.reporter()) as reporter:
        async with Database.open(settings, reporter=reporter) as database:
            status = await database.inspect_existing()
            destroy_warning(app, status, None if no_dump else database.backup_folder)
            if not yes_destroy_data:
                question = f"Type the name of the instance, {settings.instance}, to go on:"
                if await ask(question, instead="--yes-destroy-data") != settings.instance:
                    raise _not_confirmed()
            backup = await database.destroy(backup=not no_dump)
    destroyed(app, status, backup)


def _not_confirmed() -> Exception:
    return caused("not-confirmed", "Not confirmed. Nothing was changed.", help="Run the command again to confirm.")

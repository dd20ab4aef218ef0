"""`run-claude secrets …`"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import asyncclick as click

from run_claude.cli.context import App, common
from run_claude.errors import UsageError

__all__ = ["secrets"]


@click.group()
@common
def secrets() -> None:
    """The master key, the database password and the providers' keys. No value is ever printed.

    \b
    run-claude secrets show
    run-claude secrets rotate --database
    """


@secrets.command("init")
@common
@click.pass_obj
async def init_secrets(app: App) -> None:
    """Generate what is missing, and mend the mode of .env.

    \b
    run-claude secrets init
    """
    from run_claude.config.files import ensure_folder
    from run_claude.config.secrets import ensure_secrets

    settings = app.settings()
    ensure_folder(settings.paths.config)
    for note in ensure_secrets(settings) or ["Nothing is missing."]:
        app.output.text(note)


@secrets.command("path")
@common
@click.pass_obj
async def secrets_path(app: App) -> None:
    """Print the path of .env.

    \b
    chmod 600 "$(run-claude secrets path)"
    """
    app.output.text(str(app.settings().paths.env_file))


@secrets.command("show")
@click.option("--masked", is_flag=True, default=True, help="The only way they are shown.")
@common
@click.pass_obj
async def show_secrets(app: App, masked: bool) -> None:
    """Show which secrets are set and where from; of each value only its ends.

    \b
    run-claude secrets show
    """
    from run_claude.config.catalogue import load_catalogue
    from run_claude.config.secrets import overview

    settings = app.settings()
    rows = overview(settings, load_catalogue(settings.paths).variables)
    if app.json:
        app.output.document([{"name": name, "origin": origin, "masked": value} for name, origin, value in rows])
        return
    for name, origin, value in rows:
        app.output.text(f"{name}  {value}  from {origin}")


@secrets.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@common
@click.pass_obj
async def export_secrets(app: App, file: Path) -> None:
    """Write what .env sets to a new file (0600), as `export` lines for a shell.

    \b
    run-claude secrets export keys.sh && . ./keys.sh
    """
    from run_claude.config.secrets import export

    export(app.settings(), file)
    app.output.note(f"Wrote {file}, mode 0600.")


@secrets.command("rotate")
@click.option("--master-key/--no-master-key", default=True, show_default=True)
@click.option("--database/--no-database", default=False, show_default=True, help="The database password as well.")
@common
@click.pass_obj
async def rotate_secrets(app: App, master_key: bool, database: bool) -> None:
    """Generate the master key (and the database password) anew; what runs is told, by a restart or in place.

    \b
    run-claude secrets rotate
    run-claude secrets rotate --no-master-key --database
    """
    from run_claude.stack import Stack

    settings = app.settings()
    if not (master_key or database):
        raise UsageError("There is nothing to rotate.", help="Leave out --no-master-key, or add --database.")
    with closing(app.reporter()) as reporter:
        async with Stack.open(settings, reporter=reporter) as stack:
            told = await stack.rotate(master_key=master_key, database=database)
    app.output.text(told)

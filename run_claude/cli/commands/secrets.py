"""`run-claude secrets …`"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import asyncclick as click

from run_claude.cli.context import App, common
from run_claude.domain.causes import caused

__all__ = ["secrets"]


@click.group()
@common
def secrets() -> None:
    """Manage the master key, the database password and the providers' keys. Of a value, only its ends are shown.

    \b
    run-claude secrets show
    run-claude secrets rotate --database
    """


@secrets.command("init")
@common
@click.pass_obj
async def init_secrets(app: App) -> None:
    """Generate missing secrets, and fix the mode of .env.

    \b
    run-claude secrets init
    """
    from run_claude.config.files import ensure_folder
    from run_claude.config.secrets import ensure_secrets

    settings = app.settings()
    ensure_folder(settings.paths.config)
    for note in ensure_secrets(settings) or ["All secrets are set."]:
        app.output.sentence(note)


@secrets.command("path")
@common
@click.pass_obj
async def secrets_path(app: App) -> None:
    """Print the path of .env.

    \b
    chmod 600 "$(run-claude secrets path)"
    """
    app.output.exact(str(app.settings().paths.env_file))


@secrets.command("show")
@click.option("--masked", is_flag=True, default=True, help="Always on: secrets are shown masked.")
@common
@click.pass_obj
async def show_secrets(app: App, masked: bool) -> None:
    """Show which secrets are set. Values are masked.

    \b
    run-claude secrets show
    """
    from run_claude.cli.views.table import Column, table
    from run_claude.config.catalogue import load_catalogue
    from run_claude.config.secrets_shown import overview

    settings = app.settings()
    rows = overview(settings, load_catalogue(settings.paths).variables)
    if app.json:
        app.output.document([{"name": name, "origin": origin, "masked": value} for name, origin, value in rows])
        return
    lines = [(name, value, f"from {origin}") for name, origin, value in rows]
    app.output.lines(table(app.output.screen, [Column()] * 3, lines))


@secrets.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@common
@click.pass_obj
async def export_secrets(app: App, file: Path) -> None:
    """Export the settings in .env to a new file. It gets `export` lines for a shell, and mode 0600.

    \b
    run-claude secrets export keys.sh && . ./keys.sh
    """
    from run_claude.config.secrets_shown import export

    export(app.settings(), file)
    app.output.note(f"Wrote {file}, mode 0600.")


@secrets.command("rotate")
@click.option("--master-key/--no-master-key", default=True, show_default=True, help="Rotate the master key.")
@click.option("--database/--no-database", default=False, show_default=True, help="Also rotate the database password.")
@common
@click.pass_obj
async def rotate_secrets(app: App, master_key: bool, database: bool) -> None:
    """Generate new secrets, and apply them to a running stack.

    \b
    run-claude secrets rotate
    run-claude secrets rotate --no-master-key --database
    """
    from run_claude.stack import Stack

    settings = app.settings()
    if not (master_key or database):
        raise caused("usage", "There is nothing to rotate.", help="Omit --no-master-key, or add --database.")
    with closing(app.reporter()) as reporter:
        async with Stack.open(settings, reporter=reporter) as stack:
            done = await stack.rotate(master_key=master_key, database=database)
            intent = stack.session.intent()
    app.output.sentence(done)
    if master_key:
        profile = intent.profile if intent and intent.profile else "PROFILE"
        again = f'eval "$({app.called(f"env {profile} --export")})"'
        app.output.sentence(
            f"Shells that were opened before have the old key. In each: {again}. Sessions that `with` has started end"
            " with it: start them again. Folders of `set-folder` renew theirs by themselves."
        )

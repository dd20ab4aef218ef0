"""`run-claude install`, `run-claude config …`, `run-claude secrets …`, `run-claude set-folder`"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import asyncclick as click

from run_claude.cli.commands.completion import complete_profile
from run_claude.cli.context import App, common
from run_claude.errors import UsageError

__all__ = ["config", "install", "secrets", "set_folder"]


@click.command()
@click.option("--force", is_flag=True, help="Replace files in services/ that you have changed as well.")
@click.option("--yes", is_flag=True, help="With --force: do not ask.")
@click.option("--no-build", is_flag=True, help="Leave the image to the first start.")
@common
@click.pass_obj
async def install(app: App, force: bool, yes: bool, no_build: bool) -> None:
    """Make folders, secrets and configuration, and build the image. Safe to run again.

    \b
    run-claude install
    run-claude install --force          # services/ as this release has it
    """
    from run_claude.cli.ask import at_terminal, confirm
    from run_claude.deploy.initialize import ensure_initialized, install_templates
    from run_claude.deploy.services import changed_services
    from run_claude.stack import Stack

    settings = app.settings()
    if force and not yes and at_terminal() and (changed := changed_services(settings.paths)):
        question = f"Replace {', '.join(changed)}? What you have changed is kept beside it, as NAME.old."
        force = await confirm(question)
    notes = [*ensure_initialized(settings, force=force), *install_templates(settings)]
    image = ""
    if not no_build:
        with closing(app.reporter()) as reporter:
            async with Stack.open(settings, reporter=reporter) as stack:
                image = await stack.build_if_missing()
    paths = settings.paths
    if app.json:
        places = {"config": str(paths.config), "state": str(paths.instance_state), "services": str(paths.services)}
        app.output.document({**places, "image": image, "notes": notes})
        return
    for note in notes:
        app.output.text(note)
    app.output.text(f"Settings and keys   {paths.env_file}")
    app.output.text(f"Models, profiles    {paths.models_file}, {paths.profiles_file}")
    app.output.text(f"Compose project     {paths.services}")
    app.output.text(f"State               {paths.instance_state}")
    if image:
        app.output.text(f"Image               {image}")
    app.output.text("\nNext: put a provider's key into .env, see `run-claude profiles list`, then")
    app.output.text("      run-claude with PROFILE -- claude     (`demo` needs no key)")


@click.group()
@common
def config() -> None:
    """Settings in .env.

    \b
    run-claude config set LITELLM_PORT=4445
    run-claude config path
    """


@config.command("set")
@click.argument("assignments", metavar="NAME=VALUE...", nargs=-1, required=True)
@common
@click.pass_obj
async def set_config(app: App, assignments: tuple[str, ...]) -> None:
    """Write settings into .env; everything else in the file stays as it is.

    \b
    run-claude config set LITELLM_PORT=4445
    """
    from run_claude.config.files import ensure_folder
    from run_claude.config.secrets import store

    changes: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"{assignment!r} is no NAME=VALUE.", help="For example: LITELLM_PORT=4445")
        changes[name] = value
    trial = App(instance=app.instance, environ=app.environ | changes)
    settings = trial.settings()  # a value that cannot be used is refused before it is written
    ensure_folder(settings.paths.config)
    store(settings, changes)
    app.output.note(f"Wrote {', '.join(changes)} to {settings.paths.env_file}.")


@config.command("path")
@common
@click.pass_obj
async def config_path(app: App) -> None:
    """Print the configuration folder.

    \b
    cd "$(run-claude config path)"
    """
    app.output.text(str(app.settings().paths.config))


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


@click.command("set-folder")
@click.argument("profile", required=False, shell_complete=complete_profile)
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True, resolve_path=True), default=".")
@click.option("--clear", is_flag=True, help="Take the selection back.")
@common
@click.pass_obj
async def set_folder(app: App, profile: str | None, folder: Path, clear: bool) -> None:
    """Make a folder select a profile, by a block in its direnv file (.envrc).

    \b
    run-claude set-folder demo
    run-claude set-folder --clear
    """
    from run_claude.config import folder as folders
    from run_claude.config.catalogue import load_catalogue

    settings = app.settings()
    if clear == bool(profile):
        raise UsageError("Name a profile, or --clear.", help="For example: run-claude set-folder demo")
    if profile:
        path = folders.set_folder(settings, folder, load_catalogue(settings.paths).profile(profile))
        app.output.text(f"Wrote {path}; `direnv allow` puts it in force.")
    else:
        folders.clear_folder(folder)
        app.output.text("This folder selects no profile any more.")

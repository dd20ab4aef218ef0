"""`run-claude config …`"""

from __future__ import annotations

import asyncclick as click

from run_claude.cli.context import App, common
from run_claude.domain.causes import caused

__all__ = ["config"]


@click.group()
@common
def config() -> None:
    """Show settings, and change them in .env.

    \b
    run-claude config set LITELLM_PORT=4445
    run-claude config list
    run-claude config path
    """


@config.command("set")
@click.argument("assignments", metavar="NAME=VALUE...", nargs=-1, required=True)
@common
@click.pass_obj
async def set_config(app: App, assignments: tuple[str, ...]) -> None:
    """Write settings to .env. The rest of the file stays as it is.

    \b
    run-claude config set LITELLM_PORT=4445
    """
    from run_claude.config.files import ensure_folder
    from run_claude.config.secrets import store

    changes: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name.isidentifier():
            raise caused(
                "usage", f"{assignment!r} is not of the form NAME=VALUE.", help="For example: LITELLM_PORT=4445"
            )
        changes[name] = value
    trial = App(instance=app.instance, environ=app.environ | changes)
    settings = trial.settings()  # refuses an invalid value before it is written
    ensure_folder(settings.paths.config)
    target = store(settings, changes)
    app.output.note(f"Wrote {', '.join(changes)} to {target}.")


@config.command("list")
@common
@click.pass_obj
async def list_config(app: App) -> None:
    """Show the settings that apply, and where each comes from.

    What an option of `proxy start` said applies until something else is said.

    \b
    run-claude config list
    """
    from run_claude.cli.views.settings import settings_screen

    settings_screen(app, app.settings())


@config.command("path")
@common
@click.pass_obj
async def config_path(app: App) -> None:
    """Print the configuration folder.

    \b
    cd "$(run-claude config path)"
    """
    app.output.exact(str(app.settings().paths.config))

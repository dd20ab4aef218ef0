"""`run-claude set-folder`"""

from __future__ import annotations

import shutil
from pathlib import Path

import asyncclick as click

from run_claude.cli.commands.completion import complete_profile
from run_claude.cli.context import App, common
from run_claude.domain.causes import caused

__all__ = ["set_folder"]


@click.command("set-folder")
@click.argument("profile", required=False, shell_complete=complete_profile)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True, resolve_path=True),
    default=".",
    help="Folder that selects the profile. [default: the current one]",
)
@click.option("--clear", is_flag=True, help="Remove the selection.")
@common
@click.pass_obj
async def set_folder(app: App, profile: str | None, folder: Path, clear: bool) -> None:
    """Select a profile for a folder, with a block in its direnv file (.envrc).

    \b
    run-claude set-folder demo
    run-claude set-folder --clear
    """
    from run_claude.config import folder as folders
    from run_claude.config.catalogue import load_catalogue
    from run_claude.state.folders import forget_folder, record_folder

    settings = app.settings()
    if clear == bool(profile):
        raise caused("usage", "Pass a profile or --clear.", help="For example: run-claude set-folder demo")
    if profile:
        wanted = load_catalogue(settings.paths).profile(profile)
        path = folders.set_folder(settings, folder, wanted)
        record_folder(settings.paths, folder)
        app.output.sentence(f"Wrote {path}. {_next(app, wanted.name)}")
    else:
        folders.clear_folder(folder)
        forget_folder(settings.paths, folder)
        app.output.sentence("This folder no longer selects a profile.")


def _next(app: App, profile: str) -> str:
    """Return what activates it: direnv, where it is installed, or how to get it and what does without."""
    if shutil.which("direnv", path=app.environ.get("PATH")):
        return "Run `direnv allow` to activate it."
    instance = f" --instance {app.instance}" if app.instance else ""
    return (
        "direnv, which reads it, is not installed: get it with your package manager (https://direnv.net), then run"
        f' `direnv allow`. Without it, in each shell: eval "$(run-claude env {profile} --export{instance})"'
    )

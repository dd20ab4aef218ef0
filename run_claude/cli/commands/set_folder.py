"""`run-claude set-folder`"""

from __future__ import annotations

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

    settings = app.settings()
    if clear == bool(profile):
        raise caused("usage", "Pass a profile or --clear.", help="For example: run-claude set-folder demo")
    if profile:
        path = folders.set_folder(settings, folder, load_catalogue(settings.paths).profile(profile))
        app.output.sentence(f"Wrote {path}. Run `direnv allow` to activate it.")
    else:
        folders.clear_folder(folder)
        app.output.sentence("This folder no longer selects a profile.")

"""`run-claude` without a command: where one stands, and what comes next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from run_claude.cli.context import App
    from run_claude.config.model import Profile

__all__ = ["overview"]


async def overview(app: App) -> None:
    """Show the stack, its profile, and the command that comes next. Changes nothing.

    :raises EngineError: if the engine cannot be asked: then that comes first
    """
    from run_claude.cli.views.overview import overview_screen
    from run_claude.config.folder import folder_profile
    from run_claude.errors import ConfigError
    from run_claude.stack import Stack

    async with Stack.open(app.deployed_settings()) as stack:
        status = await stack.status()
    try:
        selected = folder_profile(Path.cwd())
    except (ConfigError, OSError):
        selected = ""  # `set-folder` says what is wrong with it
    overview_screen(app, status, _profile(app, selected or status.profile), selected)


def _profile(app: App, name: str) -> Profile | None:
    from run_claude.errors import RunClaudeError

    try:
        return app.catalogue()[0].profile(name) if name else None
    except RunClaudeError:
        return None  # the status says what is broken

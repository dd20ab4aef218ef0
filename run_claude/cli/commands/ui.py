"""`run-claude ui`"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio
import asyncclick as click

from run_claude.cli.context import App, common
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["has_browser", "ui"]


@click.command()
@click.option("--print", "only_print", is_flag=True, help="Print the address, and open no browser.")
@common
@click.pass_obj
async def ui(app: App, only_print: bool) -> None:
    """Open LiteLLM's admin pages: models, keys, teams, spend.

    They have a login of their own, UI_USERNAME and UI_PASSWORD in .env. Without a browser, prints the address. Without
    a key, the proxy shows them for twelve hours from the last use of this command, and to nobody otherwise.

    \b
    run-claude ui
    run-claude ui --print
    """
    from run_claude.config.secrets import UI_PASSWORD, read_secrets
    from run_claude.deploy.routing import open_pages
    from run_claude.gateway import Gateway

    settings = app.settings()
    secrets = read_secrets(settings)
    async with Gateway.connect(settings.base_url, secrets.master_key) as gateway:
        readiness = await gateway.readiness()
    if readiness.database != "connected":
        raise caused(
            "database-not-running",
            f"LiteLLM's admin pages need its database, which it reports as: {readiness.database}.",
            help="Start it with `run-claude proxy start`; RUN_CLAUDE_PRISMA has to be on.",
        )
    from run_claude.stack.delivery import deliver_changes
    from run_claude.stack.session import Session

    async with Session.open(settings) as session, session.writing("ui"):
        open_pages(session.settings)
        await deliver_changes(session)
    url = f"{settings.base_url}/ui/"
    opened = not only_print and has_browser(app.environ, sys.platform) and await anyio.to_thread.run_sync(_open, url)
    if app.json:
        login = {"username": secrets.ui_username, "password_in": str(settings.paths.env_file)}
        app.output.document({"url": url, "opened": opened, **login})
        return
    app.output.sentence(f"{'Opened' if opened else 'Open'} {url}")
    app.output.sentence(f"Log in as {secrets.ui_username}; the password is {UI_PASSWORD} in {settings.paths.env_file}.")


def has_browser(environ: Mapping[str, str], platform: str) -> bool:
    """Whether a browser of the user's can show a page: not one in this terminal, nor one on another machine."""
    if platform in ("darwin", "win32") or environ.get("BROWSER"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def _open(url: str) -> bool:
    import webbrowser

    return webbrowser.open(url)

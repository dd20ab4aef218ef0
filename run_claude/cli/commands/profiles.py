"""`run-claude profiles …`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import asyncclick as click

from run_claude.cli.commands.completion import complete_profile
from run_claude.cli.context import App, common
from run_claude.cli.views.record import show_record
from run_claude.cli.views.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from run_claude.config.catalogue import Catalogue
    from run_claude.config.model import Profile

__all__ = ["profiles"]


@click.group()
@common
def profiles() -> None:
    """Show which models serve opus, sonnet and haiku.

    \b
    run-claude profiles list
    run-claude profiles show demo
    """


@profiles.command("list")
@common
@click.pass_obj
async def list_profiles(app: App) -> None:
    """List the profiles; ✓ marks those that you can use.

    \b
    run-claude profiles list
    """
    catalogue, is_set = app.catalogue()
    rows = [_profile_json(app, profile, catalogue, is_set) for profile in catalogue.profiles.values()]
    if app.json:
        app.output.document(rows)
        return
    lines = [
        (
            Cell("✓" if row["usable"] else " ", "green"),
            row["name"],
            row["description"] + ("" if row["usable"] else f" (needs {', '.join(row['missing'])})"),
        )
        for row in rows
    ]
    app.output.lines(table(app.output.screen, [Column()] * 3, lines))


@profiles.command("show")
@click.argument("name", shell_complete=complete_profile)
@common
@click.pass_obj
async def show_profile(app: App, name: str) -> None:
    """Show the models of a profile, and which serves which request.

    \b
    run-claude profiles show demo
    """
    from run_claude.cli.views.routes import explained

    catalogue, is_set = app.catalogue()
    profile = catalogue.profile(name)
    row = _profile_json(app, profile, catalogue, is_set)
    models = catalogue.models
    rows = explained(profile, lambda model: model in models)
    if app.json:
        app.output.document({**row, "requests": [asdict(found) for found in rows]})
        return
    show_record(app, row)
    app.output.text("")
    lines = [(found.request, found.model, found.why) for found in rows]
    app.output.lines(table(app.output.screen, [Column("request"), Column("goes to"), Column("why")], lines))


def _profile_json(app: App, profile: Profile, catalogue: Catalogue, is_set: Callable[[str], bool]) -> dict[str, Any]:
    from run_claude.config.clients import has_login

    missing = {name for names in catalogue.missing(profile, is_set).values() for name in names}
    login = not profile.subscription or has_login(app.environ)
    return {
        "name": profile.name,
        "description": profile.description,
        "usable": login and catalogue.usable(profile, is_set),
        "missing": [*sorted(missing), *(() if login else ("the login of Claude Code",))],
        "opus": profile.role("opus"),
        "sonnet": profile.role("sonnet"),
        "haiku": profile.role("haiku"),
        "fable": profile.fable,
        "subagent": profile.subagent,
        "models": list(profile.served),
        "fallbacks": list(profile.fallbacks),
        "source": profile.source,
    }

"""`run-claude profiles …` and `run-claude models …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncclick as click

from run_claude.cli.commands.completion import complete_model, complete_profile
from run_claude.cli.context import App, common
from run_claude.cli.views.formatting import padded, wide

if TYPE_CHECKING:
    from collections.abc import Callable

    from run_claude.config.catalogue import Catalogue
    from run_claude.config.model import Model, Profile

__all__ = ["models", "profiles"]


def _catalogue(app: App) -> tuple[Catalogue, Callable[[str], bool]]:
    from run_claude.config.catalogue import load_catalogue
    from run_claude.config.secrets import provider_keys

    settings = app.settings()
    catalogue = load_catalogue(settings.paths)
    return catalogue, provider_keys(settings.environment(), catalogue.variables).__contains__


@click.group()
@common
def profiles() -> None:
    """Which model serves opus, sonnet and haiku.

    \b
    run-claude profiles list
    run-claude profiles show demo
    """


@profiles.command("list")
@common
@click.pass_obj
async def list_profiles(app: App) -> None:
    """List the profiles, and which of them can be used with the keys that are set.

    \b
    run-claude profiles list
    """
    catalogue, is_set = _catalogue(app)
    rows = [_profile_json(profile, catalogue, is_set) for profile in catalogue.profiles.values()]
    if app.json:
        app.output.document(rows)
        return
    width = max(wide(str(row["name"])) for row in rows)
    for row in rows:
        mark = "✓" if row["usable"] else " "
        lacking = "" if row["usable"] else f"  (needs {', '.join(row['missing'])})"
        app.output.text(f"{mark} {padded(str(row['name']), width)}  {row['description']}{lacking}")


@profiles.command("show")
@click.argument("name", shell_complete=complete_profile)
@common
@click.pass_obj
async def show_profile(app: App, name: str) -> None:
    """Show what a profile serves.

    \b
    run-claude profiles show demo
    """
    catalogue, is_set = _catalogue(app)
    _show(app, _profile_json(catalogue.profile(name), catalogue, is_set))


def _profile_json(profile: Profile, catalogue: Catalogue, is_set: Callable[[str], bool]) -> dict[str, Any]:
    missing = catalogue.missing(profile, is_set)
    return {
        "name": profile.name,
        "description": profile.description,
        "usable": not missing,
        "missing": sorted({name for names in missing.values() for name in names}),
        "opus": profile.role("opus"),
        "sonnet": profile.role("sonnet"),
        "haiku": profile.role("haiku"),
        "subagent": profile.subagent,
        "models": list(profile.served),
        "source": profile.source,
    }


@click.group()
@common
def models() -> None:
    """The models that the proxy can serve.

    \b
    run-claude models list
    run-claude models test demo-opus
    """


@models.command("list")
@common
@click.pass_obj
async def list_models(app: App) -> None:
    """List the models, and which of them have their key.

    \b
    run-claude models list --json | jq ".[] | select(.usable)"
    """
    catalogue, is_set = _catalogue(app)
    rows = [_model_json(model, is_set) for model in catalogue.models.values()]
    if app.json:
        app.output.document(rows)
        return
    width = max(wide(str(row["name"])) for row in rows)
    for row in rows:
        app.output.text(f"{'✓' if row['usable'] else ' '} {padded(str(row['name']), width)}  {row['model']}")


@models.command("show")
@click.argument("name", shell_complete=complete_model)
@common
@click.pass_obj
async def show_model(app: App, name: str) -> None:
    """Show how a model is reached. Keys are named, never shown.

    \b
    run-claude models show demo-opus
    """
    catalogue, is_set = _catalogue(app)
    _show(app, _model_json(catalogue.model(name), is_set))


@models.command("test")
@click.argument("name", shell_complete=complete_model)
@click.option("--message", default="Say hi.", show_default=True, help="What to send.")
@common
@click.pass_obj
async def try_model(app: App, name: str, message: str) -> None:
    """Send one message to a model through the running proxy and print the answer. Costs what the provider takes.

    \b
    run-claude models test demo-opus --message "Say hi."
    """
    from run_claude.config.secrets import read_master_key
    from run_claude.gateway import Gateway

    settings = app.settings()
    _catalogue(app)[0].model(name)
    async with Gateway.connect(settings.base_url, read_master_key(settings)) as gateway:
        answer = await gateway.message(name, message)
    if app.json:
        app.output.document({"model": name, "answer": answer})
    else:
        app.output.text(answer)


def _model_json(model: Model, is_set: Callable[[str], bool]) -> dict[str, Any]:
    missing = model.missing(is_set)
    return {
        "name": model.name,
        "description": model.description,
        "model": model.id,
        "usable": not missing,
        "missing": list(missing),
        "source": model.source,
    }


def _show(app: App, row: dict[str, Any]) -> None:
    if app.json:
        app.output.document(row)
        return
    for key, value in row.items():
        words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if words:
            app.output.text(f"{key.ljust(12)} {words}")

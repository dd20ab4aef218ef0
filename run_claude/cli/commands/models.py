"""`run-claude models …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncclick as click

from run_claude.cli.commands.completion import complete_model, complete_profile
from run_claude.cli.context import App, common
from run_claude.cli.views.record import show_record
from run_claude.cli.views.table import Cell, Column, table
from run_claude.errors import GatewayError, RunClaudeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from run_claude.config.catalogue import Catalogue
    from run_claude.config.model import Model, Profile
    from run_claude.gateway import Stored

__all__ = ["models"]


@click.group()
@common
def models() -> None:
    """List, show and test the models that the proxy can serve.

    \b
    run-claude models list
    run-claude models test demo-opus
    """


@models.command("list")
@common
@click.pass_obj
async def list_models(app: App) -> None:
    """List the models; ✓ marks those whose key is set.

    Those that somebody has stored in LiteLLM's database are listed as well while the proxy runs.

    \b
    run-claude models list --json | jq ".[] | select(.usable)"
    """
    catalogue, is_set = app.catalogue()
    rows = [_model_json(model, is_set) for model in catalogue.models.values()]
    rows += [_stored_json(one) for one in await _stored(app) if one.kind == "model"]
    if app.json:
        app.output.document(rows)
        return
    lines = [
        (Cell("✓" if row["usable"] else " ", "green"), row["name"], f"{row['model']}{row.get('stored', '')}")
        for row in rows
    ]
    app.output.lines(table(app.output.screen, [Column()] * 3, lines))


async def _stored(app: App) -> list[Stored]:
    """Return what the running proxy's database has; nothing without one."""
    from run_claude.config.secrets import read_master_key
    from run_claude.state.intent import load_intent

    settings = app.settings()
    intent, _ = load_intent(settings.paths.intent_file)
    if intent is None or intent.wanted != "up" or not intent.database:
        return []
    from run_claude.gateway import Gateway

    try:
        async with Gateway.connect(settings.base_url, read_master_key(settings)) as gateway:
            return await gateway.stored()
    except RunClaudeError:
        return []


def _stored_json(one: Stored) -> dict[str, Any]:
    where = f" at {one.address}" if one.address else ""
    why = "; not used, since it names a variable of the environment" if one.refused else ""
    return {
        "name": one.name,
        "description": "",
        "model": one.model,
        "usable": not one.refused,
        "missing": [],
        "source": "database",
        "stored": f"  (stored in the database by {one.made_by or 'somebody'}{where}{why})",
        "address": one.address,
    }


@models.command("show")
@click.argument("name", shell_complete=complete_model)
@common
@click.pass_obj
async def show_model(app: App, name: str) -> None:
    """Show how a model is reached. Keys are shown by name, never by value.

    \b
    run-claude models show demo-opus
    """
    catalogue, is_set = app.catalogue()
    show_record(app, _model_json(catalogue.model(name), is_set))


@models.command("test")
@click.argument("name", shell_complete=complete_model)
@click.option("--message", default="Say hi.", show_default=True, help="The message to send.")
@click.option(
    "--route",
    "profile",
    metavar="PROFILE",
    shell_complete=complete_profile,
    help="Send it as a client of this profile. NAME may then be any that Claude Code sends, or a route's.",
)
@common
@click.pass_obj
async def try_model(app: App, name: str, message: str, profile: str | None) -> None:
    """Send a message to a model through the running proxy. The provider may charge for it.

    With --route, NAME is what a client of the profile asks for: opus, claude-opus-4-8, a model; or a route, for which a
    request is sent that takes it: background, think, web_search, image, long_context (a long one, then).

    \b
    run-claude models test demo-opus --message "Say hi."
    run-claude models test think --route mine
    """
    from run_claude.config.secrets import read_master_key
    from run_claude.gateway import Gateway

    settings, catalogue = app.settings(), app.catalogue()[0]
    if profile is not None:
        await _try_route(app, name, message, catalogue.profile(profile))
        return
    catalogue.model(name)
    async with Gateway.connect(settings.base_url, read_master_key(settings)) as gateway:
        try:
            answer = await gateway.message(name, message)
        except GatewayError as error:
            raise await _explained(app, error, catalogue, name) from error
    if app.json:
        app.output.document({"model": name, "answer": answer})
    else:
        app.output.text(answer)


async def _try_route(app: App, name: str, message: str, profile: Profile) -> None:
    from run_claude.cli.views.routes import SAMPLES, sample
    from run_claude.config.client_env import PROFILE_HEADER
    from run_claude.config.secrets import read_master_key
    from run_claude.deploy.routing import decide
    from run_claude.gateway import Gateway

    settings, (catalogue, is_set) = app.settings(), app.catalogue()
    asked, request = sample(name if name in SAMPLES else "opus", profile)
    if name not in SAMPLES:
        asked = name
    if isinstance(request["messages"][0]["content"], str) and name != "long_context":
        request = {**request, "messages": [{"role": "user", "content": message}]}
    found = decide(asked, profile, request, lambda model: catalogue.serves(model, is_set))
    why = getattr(found, "why", "")
    async with Gateway.connect(settings.base_url, read_master_key(settings)) as gateway:
        answer = await gateway.send({**request, "model": asked}, {PROFILE_HEADER: profile.name})
    if app.json:
        row = {"asked": asked, "model": answer.model, "why": why, "fallbacks": answer.fallbacks, "answer": answer.text}
        app.output.document(row)
        return
    then = f", after {answer.fallbacks} that refused" if answer.fallbacks else ""
    app.output.note(f"{name} → {answer.model}{then}: {why}")
    app.output.text(answer.text)


async def _explained(app: App, error: GatewayError, catalogue: Catalogue, name: str) -> RunClaudeError:
    """Return what is wrong with the model's own server, if it is on this machine; else the error as it is."""
    from run_claude.stack.local_servers import look_at_servers
    from run_claude.stack.session import Session

    if error.code not in ("gateway-refused", "gateway-no-answer"):
        return error
    try:
        async with Session.open(app.settings()) as session:
            found = await look_at_servers(session, app.settings(), catalogue, [name])
    except RunClaudeError:
        return error  # the first one says more
    return next((failure for _, failure in found if failure), error)


def _model_json(model: Model, is_set: Callable[[str], bool]) -> dict[str, Any]:
    missing = model.missing(is_set)
    return {
        "name": model.name,
        "description": model.description,
        "model": model.id,
        **({"rows": [row.id for row in model.rows]} if model.others else {}),
        "usable": not missing,
        "missing": list(missing),
        "source": model.source,
    }

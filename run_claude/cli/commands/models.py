"""`run-claude models …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncclick as click

from run_claude.cli.commands.completion import complete_model
from run_claude.cli.context import App, common
from run_claude.cli.views.record import show_record
from run_claude.cli.views.table import Cell, Column, table
from run_claude.errors import GatewayError, RunClaudeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from run_claude.config.catalogue import Catalogue
    from run_claude.config.model import Model

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

    \b
    run-claude models list --json | jq ".[] | select(.usable)"
    """
    catalogue, is_set = app.catalogue()
    rows = [_model_json(model, is_set) for model in catalogue.models.values()]
    if app.json:
        app.output.document(rows)
        return
    lines = [(Cell("✓" if row["usable"] else " ", "green"), row["name"], row["model"]) for row in rows]
    app.output.lines(table(app.output.screen, [Column()] * 3, lines))


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
@common
@click.pass_obj
async def try_model(app: App, name: str, message: str) -> None:
    """Send a message to a model through the running proxy. The provider may charge for it.

    \b
    run-claude models test demo-opus --message "Say hi."
    """
    from run_claude.config.secrets import read_master_key
    from run_claude.gateway import Gateway

    settings = app.settings()
    catalogue = app.catalogue()[0]
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

"""`run-claude usage`"""

from __future__ import annotations

import time
from contextlib import closing

import asyncclick as click

from run_claude.cli.context import App, common

__all__ = ["usage"]


@click.command()
@click.option(
    "--since",
    metavar="TIME",
    default="30d",
    show_default=True,
    help="The first day: 7d ago, or a date like 2026-11-01.",
)
@click.option(
    "--by",
    type=click.Choice(["day", "model", "profile", "provider"]),
    default="model",
    show_default=True,
    help="What to sum by.",
)
@common
@click.pass_obj
async def usage(app: App, since: str, by: str) -> None:
    """Show requests, tokens and cost: of each model, day, profile or provider.

    LiteLLM keeps them in its database. The last minute may be missing.

    \b
    run-claude usage
    run-claude usage --by day --since 7d
    run-claude usage --by profile --json
    """
    from run_claude.cli.times import parse_since
    from run_claude.cli.views.usage import usage_screen
    from run_claude.database import Database
    from run_claude.database.usage import By

    try:
        first = time.strftime("%Y-%m-%d", time.gmtime(parse_since(since, time.time())))
    except (ValueError, OverflowError, OSError) as error:
        raise click.BadParameter(str(error), param_hint="--since") from error
    with closing(app.reporter()) as reporter:
        async with Database.open(app.deployed_settings(), reporter=reporter) as database:
            rows = await database.usage(first)
    usage_screen(app, rows, By(by), first)

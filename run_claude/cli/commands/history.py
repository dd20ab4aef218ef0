"""`run-claude history`"""

from __future__ import annotations

import time

import asyncclick as click

from run_claude.cli.context import App, common

__all__ = ["history"]


@click.command()
@click.option("--since", metavar="TIME", help="Show entries since TIME: 90s, 15m, 2h, 7d, or a date like 2026-11-01.")
@click.option("-n", "--lines", metavar="N", type=click.IntRange(1), help="Show only the last N entries.")
@common
@click.pass_obj
async def history(app: App, since: str | None, lines: int | None) -> None:
    """Show what happened to the stack: starts and how long they took, transitions, and what `watch` did.

    \b
    run-claude history --since 2h
    run-claude history -n 20 --json
    """
    from run_claude.cli.times import parse_since
    from run_claude.cli.views.history import history_screen
    from run_claude.state.history import read

    try:
        begin = parse_since(since, time.time()) if since else 0.0
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from error
    rows = sorted(read(app.settings().paths.history_file, since=begin), key=lambda row: float(row["at"]))
    history_screen(app, rows[-lines:] if lines else rows)
    if not rows and not app.json:
        app.output.note(f"The history has no entries {f'since {since}' if since else 'yet'}.")

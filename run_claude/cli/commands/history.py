"""`run-claude history`: what happened to the stack."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import asyncclick as click

from run_claude.cli.context import App, common

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["history"]


@click.command()
@click.option("--since", metavar="TIME", help="From then on: 90s, 15m, 2h, 7d, or a date such as 2026-11-01.")
@click.option("-n", "--lines", metavar="N", type=click.IntRange(1), help="The last N only.")
@common
@click.pass_obj
async def history(app: App, since: str | None, lines: int | None) -> None:
    """Show what happened: starts with their time to healthy and slowest step, transitions, what `watch` did.

    \b
    run-claude history --since 2h
    run-claude history -n 20 --json
    """
    from run_claude.cli.times import since as point
    from run_claude.state.history import read

    try:
        begin = point(since, time.time()) if since else 0.0
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from error
    rows = sorted(read(app.settings().paths.history_file, since=begin), key=lambda row: float(row["at"]))
    rows = rows[-lines:] if lines else rows
    for row in rows:
        if app.json:
            app.output.record(row)
        else:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(row["at"])))
            app.output.text(f"{stamp}  {_line(str(row['event']), row)}")
    if not rows and not app.json:
        app.output.note("Nothing is in the history" + (" since then." if since else " yet."))


def _line(event: str, row: Mapping[str, Any]) -> str:
    from run_claude.cli.views.formatting import duration, watch_line

    try:
        match event:
            case "started":
                line = f"started: {' and '.join(row['services'])} healthy after {duration(row['seconds'])}"
                if "slowest" in row:
                    line += f" (longest: {row['slowest']}, {duration(row['slowest_seconds'])})"
                return line
            case "start-failed":
                return f"start failed: {row['message']}"
            case "stopped":
                return "stopped, the database as well" if row.get("database") else "stopped"
            case "removed":
                return "stopped, containers removed"
            case "transition":
                lasted = f", after {duration(row['lasted'])}" if row.get("lasted") is not None else ""
                return f"{row['service']} {row['from']} → {row['to']} ({row['cause']}{lasted})"
            case _:
                return watch_line(event, row)
    except (KeyError, TypeError, ValueError):  # of another release
        return event

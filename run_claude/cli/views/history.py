"""The screen of `history`: what happened, a line each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from run_claude.cli.views.formatting import duration, watch_line
from run_claude.cli.views.table import Column, table
from run_claude.state.bases import Base

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from run_claude.cli.context import App

__all__ = ["history_screen"]


def history_screen(app: App, rows: Sequence[Mapping[str, Any]]) -> None:
    """Show rows of the history; with ``--json``, one object a line."""
    if app.json:
        for row in rows:
            app.output.record(row)
        return
    lines = [(_stamp(float(row["at"])), _line(str(row["event"]), row)) for row in rows]
    app.output.lines(table(app.output.screen, (Column(), Column()), lines))


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _line(event: str, row: Mapping[str, Any]) -> str:
    try:
        match event:
            case "started":
                line = f"started: {' and '.join(row['services'])} healthy after {duration(row['seconds'])}"
                if "slowest" in row:
                    line += f" (longest step: {row['slowest']}, {duration(row['slowest_seconds'])})"
                return line
            case "start-failed":
                return f"start failed: {row['message']}"
            case "stopped":
                return "stopped, including the database" if row.get("database") else "stopped"
            case "removed":
                return "stopped, containers removed"
            case "base-image-changed":
                return f"{row['image']} has become another image: {Base(row['digest'], row['before']).words}"
            case "transition":
                lasted = f", after {duration(row['lasted'])}" if row.get("lasted") is not None else ""
                return f"{row['service']} {row['from']} → {row['to']} ({row['cause']}{lasted})"
            case _:
                return watch_line(event, row)
    except (KeyError, TypeError, ValueError):  # written by another release
        return event

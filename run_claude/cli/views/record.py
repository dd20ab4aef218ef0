"""A record: a name and a value on each line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.cli.views.table import Column, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.cli.context import App

__all__ = ["show_record"]


def show_record(app: App, row: Mapping[str, object]) -> None:
    """Print a record, or its JSON. For people, lists become comma-separated and empty values are left out."""
    if app.json:
        app.output.document(row)
        return
    rows = [(name, words) for name, value in row.items() if (words := _words(value))]
    app.output.lines(table(app.output.screen, (Column(), Column()), rows))


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

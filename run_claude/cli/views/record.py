"""One record: a name and a value a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from run_claude.cli.context import App

__all__ = ["show_record"]


def show_record(app: App, row: dict[str, Any]) -> None:
    """Print a record, or its JSON; lists become words, empty values are left out."""
    if app.json:
        app.output.document(row)
        return
    for key, value in row.items():
        words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if words:
            app.output.text(f"{key.ljust(12)} {words}")

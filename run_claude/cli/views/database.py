"""The screen of `db status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.cli.views.formatting import counted, size
from run_claude.cli.views.table import Column, table
from run_claude.domain.lifecycle import as_json

if TYPE_CHECKING:
    from run_claude.cli.context import App
    from run_claude.database import Table
    from run_claude.database.controller import DatabaseStatus

__all__ = ["status_screen"]


def status_screen(app: App, status: DatabaseStatus) -> None:
    """Show the state of the database and what it holds."""
    content = status.content
    if app.json:
        app.output.document(
            {
                "timescaledb": as_json(status.state),
                "volume": status.volume if status.has_volume else None,
                "version": content.version if content else None,
                "bytes": content.bytes if content else None,
                "databases": [
                    {"name": name, "bytes": size, "timescaledb": content.timescaledb.get(name) or None}
                    for name, size in content.databases.items()
                ]
                if content
                else None,
                "tables": [
                    {
                        "database": table.database,
                        "table": table.name,
                        "rows": table.rows,
                        "exact": table.exact,
                        "newest": table.newest or None,
                    }
                    for table in content.tables
                ]
                if content
                else None,
            }
        )
        return
    screen = app.output.screen
    facts = [
        ("timescaledb:", str(status.state.phase)),
        ("Volume:", f"{status.volume}{'' if status.has_volume else ' (not created yet)'}"),
    ]
    if content is not None:
        versions = sorted({version for version in content.timescaledb.values() if version})
        extension = f", TimescaleDB {versions[-1]}" if versions else ""
        sizes = ", ".join(f"{name} {size(number)}" for name, number in content.databases.items())
        facts += [
            ("Version:", f"PostgreSQL {content.version}{extension}"),
            ("Size:", f"{size(content.bytes)} ({sizes})"),
        ]
    app.output.lines(table(screen, (Column(), Column()), facts))
    if content is None:
        if status.has_volume:
            app.output.text("Run `run-claude db start` to see its content.")
        return
    rows = [
        (f"{found.database}.{found.name}", f"{'' if found.exact else '~'}{found.rows}", _newest(found))
        for found in content.tables
        if found.rows
    ]
    if rows:
        columns = (Column("TABLE"), Column("ROWS", right=True), Column("NEWEST (UTC)"))
        app.output.lines(["", *table(screen, columns, rows)])
    if empty := len(content.tables) - len(rows):
        app.output.text(f"{counted(empty, 'empty table')}.")


def _newest(found: Table) -> str:
    return found.newest.replace("T", " ") or "-"

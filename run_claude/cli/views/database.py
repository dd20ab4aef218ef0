"""What `db status` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.cli.views.formatting import padded, size, wide
from run_claude.domain.lifecycle import as_json

if TYPE_CHECKING:
    from run_claude.cli.context import App
    from run_claude.database.controller import DatabaseStatus

__all__ = ["status_screen"]


def status_screen(app: App, status: DatabaseStatus) -> None:
    """Show what there is of a database."""
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
    app.output.text(f"timescaledb: {status.state.phase}")
    app.output.text(f"Volume:      {status.volume}{'' if status.has_volume else ' (not there yet)'}")
    if content is None:
        if status.has_volume:
            app.output.text("`run-claude db start` starts it; then this shows what is in it.")
        return
    versions = sorted({version for version in content.timescaledb.values() if version})
    extension = f", TimescaleDB {versions[-1]}" if versions else ""
    app.output.text(f"Version:     PostgreSQL {content.version}{extension}")
    sizes = ", ".join(f"{name} {size(number)}" for name, number in content.databases.items())
    app.output.text(f"Size:        {size(content.bytes)} ({sizes})")
    rows = [
        (f"{table.database}.{table.name}", f"{'' if table.exact else '~'}{table.rows}", table.newest.replace("T", " "))
        for table in content.tables
        if table.rows
    ]
    empty = len(content.tables) - len(rows)
    if rows:
        app.output.text("")
        names, counts = max(wide(row[0]) for row in rows), max(len(row[1]) for row in rows)
        names, counts = max(names, len("TABLE")), max(counts, len("ROWS"))
        app.output.text(f"{'TABLE'.ljust(names)}  {'ROWS'.rjust(counts)}  NEWEST (UTC)")
        for name, count, newest in rows:
            app.output.text(f"{padded(name, names)}  {count.rjust(counts)}  {newest or '-'}")
    if empty:
        app.output.text(f"{empty} {'table is' if empty == 1 else 'tables are'} empty.")

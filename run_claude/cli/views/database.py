"""The screens of the database commands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from run_claude.cli.views.formatting import counted, size
from run_claude.cli.views.table import Column, table
from run_claude.domain.lifecycle import as_json

if TYPE_CHECKING:
    from pathlib import Path

    from run_claude.cli.context import App
    from run_claude.database import Content, DatabaseStatus, Manifest, Table
    from run_claude.domain.lifecycle import ServiceState

__all__ = [
    "backup_written",
    "database_words",
    "destroy_warning",
    "destroyed",
    "restore_warning",
    "restored",
    "service_screen",
    "status_screen",
]


def service_screen(app: App, state: ServiceState, remark: str) -> None:
    """Show the phase of the database's container, with a remark for people."""
    if app.json:
        app.output.document({"timescaledb": as_json(state)})
    else:
        app.output.sentence(f"timescaledb: {state.phase}{remark}")


def status_screen(app: App, status: DatabaseStatus) -> None:
    """Show the state of the database and what it holds."""
    content = status.content
    if app.json:
        app.output.document(_status_json(status))
        return
    screen = app.output.screen
    facts = [
        ("timescaledb:", str(status.state.phase)),
        ("Volume:", f"{status.volume}{'' if status.has_volume else ' (not created yet)'}"),
    ]
    if content is not None:
        facts += [("Version:", f"PostgreSQL {content.version}"), ("Size:", size(content.bytes))]
        facts += [(f"{name}:", database_words(content, name)) for name in content.databases]
    app.output.lines(table(screen, (Column(), Column()), facts))
    if content is None:
        if status.has_volume:
            app.output.sentence("Run `run-claude db start` to see its content.")
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
        app.output.sentence(f"{counted(empty, 'empty table')}.")


_WHOSE = {"litellm": "LiteLLM's own", "run_claude": "for your tables"}


def database_words(content: Content, name: str) -> str:
    """Return in a line what a database holds, and whose it is."""
    tables = [found for found in content.tables if found.database == name]
    words = [size(content.databases[name]), counted(len(tables), "table")]
    if rows := sum(found.rows for found in tables):
        words.append(counted(rows, "row"))
    if version := content.timescaledb.get(name):
        words.append(f"TimescaleDB {version}")
    return ", ".join(words) + (f" ({_WHOSE[name]})" if name in _WHOSE else "")


def _newest(found: Table) -> str:
    return found.newest.replace("T", " ") or "-"


def _status_json(status: DatabaseStatus) -> dict[str, object]:
    content = status.content
    row: dict[str, object] = {
        "timescaledb": as_json(status.state),
        "volume": status.volume if status.has_volume else None,
    }
    if content is None:
        return row | dict.fromkeys(("version", "bytes", "databases", "tables"))
    return row | {
        "version": content.version,
        "bytes": content.bytes,
        "databases": [
            {"name": name, "bytes": size, "timescaledb": content.timescaledb.get(name) or None}
            for name, size in content.databases.items()
        ],
        "tables": [
            {
                "database": found.database,
                "table": found.name,
                "rows": found.rows,
                "exact": found.exact,
                "newest": found.newest or None,
            }
            for found in content.tables
        ],
    }


def backup_written(app: App, manifest: Manifest) -> None:
    """Show a backup that was written."""
    if app.json:
        app.output.document(_manifest_json(manifest))
    else:
        app.output.sentence(f"Wrote {manifest.path}: {_manifest_words(manifest)}.")


def restore_warning(app: App, manifest: Manifest, content: Content, remark: str) -> None:
    """Print what a restore would bring back, what it would replace, and what is wrong with it."""
    created = time.strftime("%Y-%m-%d %H:%M", time.localtime(manifest.created))
    app.output.note(
        f"{manifest.path}: {_manifest_words(manifest)}, written on {created} by instance {manifest.instance}."
    )
    app.output.note(f"Restoring it replaces the current data: {_content_words(content)}.")
    if remark:
        app.output.note(remark)


def restored(app: App, manifest: Manifest, *, proxy: bool) -> None:
    """Show what was restored, and what comes next.

    :param proxy: whether the proxy runs
    """
    if app.json:
        app.output.document(_manifest_json(manifest))
    else:
        app.output.sentence(f"Restored and verified: {_manifest_words(manifest)}.")
        if not proxy:
            app.output.sentence(f"The proxy does not run: `{app.called('proxy start')}` starts it.")


def destroy_warning(app: App, status: DatabaseStatus, backup_folder: Path | None) -> None:
    """Print what would be lost.

    :param backup_folder: where a backup goes first; ``None`` for no backup
    """
    loss = _content_words(status.content) if status.content else "unknown, as the database is not running"
    app.output.note(f"This removes the volume {status.volume} and everything in it:")
    app.output.note(f"  {loss}.")
    app.output.note(
        f"  A backup is written to {backup_folder} first." if backup_folder else "  No backup is written first."
    )


def destroyed(app: App, status: DatabaseStatus, backup: Manifest | None) -> None:
    """Show what was removed, and how to bring it back."""
    if app.json:
        app.output.document({"volume": status.volume, "backup": backup.path if backup else None})
        return
    app.output.sentence(f"Removed {status.volume}.")
    if backup:
        app.output.sentence(f"Backup: {backup.path}")
        app.output.sentence("To bring the data back: `run-claude db start`, then `run-claude db restore`.")


def _manifest_words(manifest: Manifest) -> str:
    rows = sum(part.rows for part in manifest.parts)
    tables = sum(len(part.tables) for part in manifest.parts)
    names = ", ".join(part.database for part in manifest.parts)
    return f"{names} with {counted(tables, 'table')} and {counted(rows, 'row')}, {size(manifest.bytes)}"


def _content_words(content: Content) -> str:
    newest = f", the newest from {content.newest.replace('T', ' ')} UTC" if content.newest else ""
    rows = sum(found.rows for found in content.tables)
    return f"{size(content.bytes)}, {counted(len(content.tables), 'table')} with {counted(rows, 'row')}{newest}"


def _manifest_json(manifest: Manifest) -> dict[str, object]:
    return {
        "file": manifest.path,
        "bytes": manifest.bytes,
        "instance": manifest.instance,
        "server": manifest.server,
        "databases": {
            part.database: {"bytes": part.bytes, "rows": part.rows, "tables": part.tables} for part in manifest.parts
        },
    }

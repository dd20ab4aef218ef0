"""What `uninstall` shows: what goes, what stays and why, and what comes last."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from run_claude.cli.views.formatting import size
from run_claude.cli.views.table import Cell, Column, table
from run_claude.domain.removal import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from run_claude.cli.context import App
    from run_claude.domain.removal import Kept, Removal, Thing
    from run_claude.uninstall.remover import Outcome

__all__ = ["plan_json", "plan_screen", "removed_screen"]


def plan_screen(app: App, plan: Removal, backups: Path | None) -> None:
    """Show what would go and what would stay.

    :param backups: where the last backups go; ``None`` for none
    """
    if not plan.things:
        app.output.sentence("There is nothing of run-claude's to remove.")
        return
    app.output.text("This goes:")
    app.output.lines(table(app.output.screen, (Column(),) * 2, [_row(thing) for thing in plan.things]))
    _kept(app, plan.kept, "This stays:")
    if plan.data:
        names = " and ".join(plan.data)
        what = f"A backup of {names} is written to {backups} first, and its key beside it." if backups else ""
        app.output.text("")
        app.output.sentence(what or f"The data of {names} goes for good: no backup is written.")


def removed_screen(app: App, outcome: Outcome, kept: Sequence[Kept]) -> int:
    """Show what was removed; return the exit code: 1 if something that was to go is left.

    :param kept: what stays, as planned
    """
    code = 1 if outcome.left else 0
    if app.json:
        app.output.document(
            {
                "dry_run": False,
                "removed": [_json(thing) for thing in outcome.removed],
                "kept": [_json(item.thing) | {"why": item.why} for item in kept],
                "left": [_json(item.thing) | {"why": item.why} for item in outcome.left],
                "backups": [str(path) for path in outcome.backups],
            }
        )
        return code
    freed = sum(thing.bytes for thing in outcome.removed if thing.kind in (Kind.IMAGE, Kind.VOLUME))
    number = len(outcome.removed)
    space = f", {size(freed)} of images and volumes" if freed else ""
    app.output.sentence(f"Removed {number} thing{'' if number == 1 else 's'}{space}.")
    for path in outcome.backups:
        app.output.sentence(f"Backup: {path}")
    _kept(app, kept, "Kept:")
    _kept(app, outcome.left, "Could not be removed:")
    if not app.instance:
        app.output.sentence(f"Last, remove the program: `{_program()}`")
    return code


def plan_json(plan: Removal, backups: Path | None) -> dict[str, object]:
    """Return the plan as JSON values."""
    return {
        "dry_run": True,
        "remove": [_json(thing) for thing in plan.things],
        "kept": [_json(item.thing) | {"why": item.why} for item in plan.kept],
        "backup_folder": str(backups) if backups and plan.data else None,
    }


def _kept(app: App, kept: Sequence[Kept], title: str) -> None:
    if not kept:
        return
    app.output.text("")
    app.output.text(title)
    rows = [(item.thing.kind.value, [Cell(item.thing.name), Cell(item.why, "dim", hang=2)]) for item in kept]
    app.output.lines(table(app.output.screen, (Column(),) * 2, rows))


def _row(thing: Thing) -> tuple[str, str]:
    space = f" ({size(thing.bytes)})" if thing.bytes else ""
    spare = f", except {' and '.join(sorted(thing.spare))}" if thing.spare else ""
    return thing.kind.value, f"{thing.name}{space}{spare}"


def _json(thing: Thing) -> dict[str, object]:
    return {"kind": thing.kind.value, "name": thing.name, "instance": thing.instance or None, "bytes": thing.bytes}


def _program() -> str:
    return "pip uninstall run-claude" if sys.prefix == sys.base_prefix else f"rm -r {sys.prefix}"

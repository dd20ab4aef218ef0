"""`run-claude instances`, and the completion of their names."""

from __future__ import annotations

import asyncclick as click

from run_claude.cli.context import App, common

__all__ = ["instances"]


@click.command()
@common
@click.pass_obj
async def instances(app: App) -> None:
    """List your stacks: state, address, profile and size of the data. `--instance NAME` chooses one in any command.

    \b
    run-claude instances
    run-claude --instance trial start       # a new one; it gets ports of its own
    """
    from run_claude.cli.views.formatting import size
    from run_claude.cli.views.table import Cell, Column, table
    from run_claude.config.paths import Paths
    from run_claude.stack.instances import instances_of

    found, unknown = await instances_of(Paths.resolve(app.environ), app.environ)
    if app.json:
        app.output.document(
            [
                {
                    "instance": row.name,
                    "state": row.state,
                    "url": row.url,
                    "profile": row.profile,
                    "bytes": row.bytes,
                    "watched": row.watched,
                }
                for row in found
            ]
        )
        return
    if unknown:
        app.output.note(f"What runs is not known. {unknown}")
    if not found:
        app.output.sentence("No instance was started yet. `run-claude start` starts the first one.")
        return
    columns = [Column(title) for title in ("INSTANCE", "STATE", "ADDRESS", "PROFILE", "DATA", "WATCHED")]
    rows = [
        (
            row.name,
            Cell(row.state, "green" if row.state == "healthy" else "dim"),
            row.url or "-",
            row.profile or "-",
            size(row.bytes) if row.bytes is not None else "-",
            "yes" if row.watched else "no",
        )
        for row in found
    ]
    app.output.lines(table(app.output.screen, columns, rows))

"""`run-claude uninstall`"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import asyncclick as click

from run_claude.cli.context import App, common
from run_claude.domain.causes import caused

__all__ = ["uninstall"]

_BACKUPS = "run-claude-backups"


@click.command()
@click.option("--data", is_flag=True, help="Also remove the databases, after a backup.")
@click.option("--no-backup", is_flag=True, help="With --data: write no backup. The data is lost for good.")
@click.option(
    "--backup-to",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    help=f"Where the backups go. [default: ~/{_BACKUPS}]",
)
@click.option("--dry-run", is_flag=True, help="Only show what would go, and what would stay.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@common
@click.pass_obj
async def uninstall(app: App, data: bool, no_backup: bool, backup_to: Path | None, dry_run: bool, yes: bool) -> int:
    """Remove everything that is run-claude's: watchers, containers, images, configuration, state. Lists it and asks.

    Databases stay, with the keys that open them, unless --data is passed. With --instance NAME, only that instance
    goes, and what instances share stays.

    \b
    run-claude uninstall --dry-run
    run-claude uninstall --data
    run-claude --instance trial uninstall --data --no-backup
    """
    from run_claude.cli.ask import confirm
    from run_claude.cli.views.uninstall import plan_json, plan_screen, removed_screen
    from run_claude.config.paths import Paths
    from run_claude.docker.api import EngineApi
    from run_claude.docker.endpoint import resolve_endpoint
    from run_claude.docker.process import ungrouped
    from run_claude.uninstall.remover import Remover

    if not data and (no_backup or backup_to):
        raise caused("usage", "Without --data no data is removed.", help="Add --data, or omit the backup's options.")
    if app.json and not (yes or dry_run):
        raise caused("usage", "With --json nothing is asked.", help="Add --dry-run to see the list, or --yes to go on.")
    paths = Paths.resolve(app.environ)
    folder = None if no_backup else backup_to or Path(app.environ.get("HOME") or "/") / _BACKUPS
    with closing(app.reporter()) as reporter, ungrouped():
        async with EngineApi.connect(resolve_endpoint(app.environ)) as api:
            remover = Remover(
                api=api,
                paths=paths,
                environ=app.environ,
                reporter=reporter,
                only=app.instance or "",
                here=_here(),
                backups=folder,
                wait=_lock_timeout(app),
            )
            plan = await remover.plan(data=data)
            if dry_run or not plan.things:
                if app.json:
                    app.output.document(plan_json(plan, folder))
                else:
                    plan_screen(app, plan, folder)
                return 0
            if not yes:
                reporter.close()
                plan_screen(app, plan, folder)
                if not await confirm("Remove it?"):
                    raise caused(
                        "not-confirmed", "Not confirmed. Nothing was changed.", help="Run it again to confirm."
                    )
            outcome = await remover.remove(plan)
            reporter.close()
    return removed_screen(app, outcome, plan.kept)


def _here() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        return None  # a folder that was removed


def _lock_timeout(app: App) -> float:
    from run_claude.errors import ConfigError

    try:
        return app.settings().lock_timeout
    except ConfigError:  # what cannot be read is removed nevertheless
        return 600.0

"""`run-claude uninstall`"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import asyncclick as click

from run_claude.cli.context import App, common
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from run_claude.config.paths import Paths

__all__ = ["uninstall"]

_BACKUPS = "run-claude-backups"


@click.command()
@click.option("--all", "everything", is_flag=True, help="All instances, where RUN_CLAUDE_INSTANCE names one.")
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
async def uninstall(
    app: App, everything: bool, data: bool, no_backup: bool, backup_to: Path | None, dry_run: bool, yes: bool
) -> int:
    """Remove everything that is run-claude's: watchers, containers, images, configuration, state. Lists it and asks.

    Databases stay, with the keys that open them, unless --data is passed. With --instance NAME, or RUN_CLAUDE_INSTANCE,
    only that instance goes, and what instances share stays.

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
    if everything and app.instance:
        raise caused("usage", "--all and --instance say two things.", help="Say one of them.")
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
                only="" if everything else app.instance or _named(app, paths),
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


def _named(app: App, paths: Paths) -> str:
    """Return the instance that the environment or `.env` names, as for every other command; empty if none does."""
    from run_claude.config.environment import EnvironmentFile
    from run_claude.errors import ConfigError

    try:
        return EnvironmentFile(app.environ, paths.env_file).load().get("RUN_CLAUDE_INSTANCE")
    except ConfigError:  # what cannot be read is removed nevertheless
        return app.environ.get("RUN_CLAUDE_INSTANCE", "")


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

"""`run-claude watch`, and the watcher as a service."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import asyncclick as click

from run_claude.cli.context import App, common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from run_claude.watch.service_units import Launchd, Systemd

__all__ = ["watch"]


@click.group(invoke_without_command=True)
@click.option(
    "--exec", "command", metavar="CMD", help="Run CMD on each transition, with RUN_CLAUDE_SERVICE, _TO, … set."
)
@click.option("--notify/--no-notify", default=True, show_default=True, help="Show desktop notifications.")
@click.option(
    "--no-restart-helps", "final", type=int, hidden=True, help="The exit code of a service where no restart helps."
)
@common
@click.pass_context
async def watch(ctx: click.Context, command: str | None, notify: bool, final: int | None) -> int:
    """Keep the stack running, and report every transition. Runs until it is stopped.

    Services that you stop yourself stay stopped: with `run-claude proxy stop`, `docker stop` or `docker compose stop`.

    \b
    run-claude watch
    run-claude watch --json >>watch.log
    run-claude watch --exec 'logger "$RUN_CLAUDE_SERVICE is $RUN_CLAUDE_TO"'
    """
    if ctx.invoked_subcommand is not None:
        return 0
    import anyio

    app = ctx.ensure_object(App)
    ended = 0
    with anyio.CancelScope() as scope:

        def end(number: int) -> None:
            nonlocal ended
            if ended:
                os._exit(128 + number)
            ended = number
            scope.cancel()

        app.on_signal = end
        with _ending(final):
            await _watch(app, command, notify=notify)
    # A service manager stops the watcher with SIGTERM: that is success. Ctrl-C has the exit code that it has elsewhere.
    return 128 + ended if ended == signal.SIGINT else 0


@contextmanager
def _ending(final: int | None) -> Iterator[None]:
    """Give errors that no restart can mend an exit code at which the service manager makes none.

    Not every error with an engine's exit code is one: that `docker context` was slow at boot passes.
    """
    from run_claude.errors import BusyError, ConfigError, RunClaudeError
    from run_claude.stack.fitness import UNFIT

    try:
        yield
    except RunClaudeError as error:
        if final is not None and (isinstance(error, ConfigError | BusyError) or error.code in UNFIT):
            error.exit_code = final
        raise


async def _watch(app: App, command: str | None, *, notify: bool) -> None:
    import anyio

    from run_claude.cli.views.watch_log import WatchLog
    from run_claude.stack.fitness import refuse_unfit
    from run_claude.stack.session import Session
    from run_claude.watch.hooks import Hook, notifier
    from run_claude.watch.policy import policy_of
    from run_claude.watch.supervisor import Supervisor, watching

    settings = app.deployed_settings()
    app.lasting = True
    policy = policy_of(settings)
    commands = [command, notifier(app.environ) if notify else None]
    async with Session.open(settings) as session:
        await refuse_unfit(session)  # before the lock's own file is written
        async with watching(settings), anyio.create_task_group() as group:
            hooks = [Hook(line, app.environ, app.output.note) for line in commands if line]
            for hook in hooks:
                group.start_soon(hook.run)
            await Supervisor(session, WatchLog(app, settings, hooks), policy).run()


@watch.command()
@common
@click.pass_obj
async def install(app: App) -> None:
    """Install the watcher as a user service. It starts now, and at each login.

    Uses systemd or launchd, and the Python that run-claude is installed with. That of `uvx` does not last.

    \b
    run-claude watch install
    run-claude --instance work watch install
    """
    from run_claude.stack.fitness import refuse_unfit
    from run_claude.stack.session import Session
    from run_claude.watch.interpreter import own_places, refuse_passing, source
    from run_claude.watch.service_units import Service

    manager, settings = _manager(app), app.settings()
    refuse_passing(own_places(), app.environ, source())
    async with Session.open(settings) as session:
        await refuse_unfit(session)
        path = manager.install(Service.of(settings.paths, app.environ))
    advice = manager.advice()
    _show(app, {"installed": str(path)}, f"Installed {path}. The watcher is running.", *([advice] if advice else []))


@watch.command()
@common
@click.pass_obj
async def uninstall(app: App) -> None:
    """Stop the service and remove it.

    \b
    run-claude watch uninstall
    """
    manager, settings = _manager(app), app.settings()
    path = manager.path(settings.instance)
    was = manager.uninstall(settings.instance)
    _show(app, {"removed": str(path) if was else None}, f"Removed {path}." if was else "The service was not installed.")


@watch.command()
@common
@click.pass_obj
async def status(app: App) -> int:
    """Show whether a watcher is running and what blocks it. Exits with 0 if one is running, else 1.

    \b
    run-claude watch status
    """
    from run_claude.errors import ConfigError
    from run_claude.state.lock import holder_of
    from run_claude.state.watch_memory import load_memory

    paths = app.deployed_settings().paths
    holder, memory = holder_of(paths.watch_lock_file), load_memory(paths.watch_file)
    try:
        unit = _manager(app).path(app.deployed_settings().instance)
        installed = str(unit) if unit.exists() else None
    except ConfigError:
        installed = None
    block = {"code": memory.block.code, "message": memory.block.message} if memory.block and holder else None
    row = {
        "watcher": holder,
        "installed": installed,
        "attempts_in_a_row": memory.consecutive_failures,
        "blocked": block,
    }
    lines = [f"Watched by {holder}." if holder else "No watcher is running."]
    lines += [f"Installed as {installed}."] if installed else []
    lines += [f"Blocked: {block['message']}"] if block else []
    _show(app, row, *lines)
    return 0 if holder else 1


def _manager(app: App) -> Systemd | Launchd:
    from pathlib import Path

    from run_claude.watch.service_units import service_manager

    return service_manager(Path(app.environ.get("HOME") or Path.home()), app.environ)


def _show(app: App, row: dict[str, Any], *lines: str) -> None:
    if app.json:
        app.output.document(row)
        return
    for line in lines:
        app.output.sentence(line)

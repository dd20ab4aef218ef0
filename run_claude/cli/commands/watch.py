"""`run-claude watch`: the background process that keeps running what should run."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import asyncclick as click

from run_claude.cli.context import App, common

if TYPE_CHECKING:
    from run_claude.watch.service_units import Launchd, Systemd

__all__ = ["watch"]


@click.group(invoke_without_command=True)
@click.option(
    "--exec", "command", metavar="CMD", help="Run CMD at each transition; RUN_CLAUDE_SERVICE, _TO, … are set."
)
@click.option("--notify/--no-notify", default=True, show_default=True, help="Notifications, where there is a desktop.")
@common
@click.pass_context
async def watch(ctx: click.Context, command: str | None, notify: bool) -> int:
    """Keep running what should run, and tell every transition. Stays until it is told to end.

    What was stopped on purpose stays stopped: by `run-claude proxy stop`, `docker stop` or `docker compose stop`.

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
        await _watch(app, command, notify=notify)
    # To be told to end is how a service ends well; Ctrl-C is what it is everywhere.
    return 128 + ended if ended == signal.SIGINT else 0


async def _watch(app: App, command: str | None, *, notify: bool) -> None:
    import anyio

    from run_claude.cli.views.watch_log import Teller
    from run_claude.stack import Stack
    from run_claude.watch.hooks import Hook, notifier
    from run_claude.watch.policy import policy_of
    from run_claude.watch.supervisor import Supervisor, watching

    settings = app.settings()
    policy = policy_of(settings)
    commands = [command, notifier(app.environ) if notify else None]
    async with Stack.open(settings) as stack, watching(stack), anyio.create_task_group() as group:
        hooks = [Hook(line, app.output.note) for line in commands if line]
        for hook in hooks:
            group.start_soon(hook.run)
        await Supervisor(stack, Teller(app, settings, hooks), policy).run()


@watch.command()
@common
@click.pass_obj
async def install(app: App) -> None:
    """Have the watcher run as a service of yours (systemd, launchd): now, and at each login.

    \b
    run-claude watch install
    run-claude --instance work watch install
    """
    from run_claude.watch.service_units import Service

    manager, settings = _manager(app), app.settings()
    path = manager.install(Service.of(settings.instance, app.environ))
    _say(app, {"installed": str(path)}, f"Installed {path}; the watcher runs.")


@watch.command()
@common
@click.pass_obj
async def uninstall(app: App) -> None:
    """End the service and remove it.

    \b
    run-claude watch uninstall
    """
    manager, settings = _manager(app), app.settings()
    path = manager.path(settings.instance)
    was = manager.uninstall(settings.instance)
    _say(app, {"removed": str(path) if was else None}, f"Removed {path}." if was else "It was not installed.")


@watch.command()
@common
@click.pass_obj
async def status(app: App) -> int:
    """Say whether a watcher runs, and what it has last done; exit code 0 if one does, else 1.

    \b
    run-claude watch status
    """
    from run_claude.errors import ConfigError
    from run_claude.state.lock import holder_of
    from run_claude.state.watch_memory import load_memory

    paths = app.settings().paths
    holder, memory = holder_of(paths.watch_lock_file), load_memory(paths.watch_file)
    try:
        unit = _manager(app).path(app.settings().instance)
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
    text = [f"Watched by {holder}." if holder else "Nobody watches."]
    text += [f"Installed as {installed}."] if installed else []
    text += [f"Blocked: {block['message']}"] if block else []
    _say(app, row, "\n".join(text))
    return 0 if holder else 1


def _manager(app: App) -> Systemd | Launchd:
    from pathlib import Path

    from run_claude.watch.service_units import service_manager

    return service_manager(Path(app.environ.get("HOME") or Path.home()), app.environ)


def _say(app: App, row: dict[str, Any], text: str) -> None:
    if app.json:
        app.output.document(row)
    else:
        app.output.text(text)

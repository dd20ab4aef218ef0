"""`run-claude watch`: the background process that keeps running what should run."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import asyncclick as click

from run_claude.cli.context import App, common

if TYPE_CHECKING:
    from run_claude.core.lifecycle import Transition

__all__ = ["watch"]


@click.group(invoke_without_command=True)
@common
@click.pass_context
async def watch(ctx: click.Context) -> int:
    """Keep running what should run, and tell every transition. Stays until it is told to end.

    \b
    run-claude watch
    run-claude watch --json >>watch.log
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
        await _watch(app)
    # To be told to end is how a service ends well; Ctrl-C is what it is everywhere.
    return 128 + ended if ended == signal.SIGINT else 0


async def _watch(app: App) -> None:
    from run_claude import history
    from run_claude.stack import Stack
    from run_claude.supervisor import Supervisor, watching
    from run_claude.watch_policy import policy_of

    settings = app.settings()
    policy = policy_of(settings)
    async with Stack.open(settings) as stack, watching(stack):
        path = settings.paths.history_file
        await Supervisor(stack, _Teller(app, lambda event, facts: history.append(path, event, facts)), policy).run()


class _Teller:
    """Prints what happens, one line each, and hands it to the history."""

    def __init__(self, app: App, remember: Any) -> None:
        self._app = app
        self._remember = remember

    def transition(self, transition: Transition) -> None:
        from run_claude.cli.words import transition_json, transition_line

        row = transition_json(transition)
        self._remember("transition", row)
        self._print({"event": "transition", **row}, transition_line(transition))

    def told(self, event: str, **facts: Any) -> None:
        from run_claude.cli.words import watch_line

        if event not in ("watching", "missed"):
            self._remember(event, facts)
        self._print({"event": event, **facts}, watch_line(event, facts))

    def _print(self, row: dict[str, Any], line: str) -> None:
        import time

        if self._app.json:
            self._app.output.record(row)
        else:
            self._app.output.text(f"{time.strftime('%H:%M:%S')} {line}")

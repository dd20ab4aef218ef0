"""The screen of `proxy start --watch`: the watcher's lines and the proxy's log, interleaved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from run_claude.domain.lifecycle import Phase, Service, Transition
from run_claude.domain.progress import Silent
from run_claude.errors import BusyError, RunClaudeError

if TYPE_CHECKING:
    from run_claude.cli.context import App
    from run_claude.stack import Stack

__all__ = ["watch_stack"]


async def watch_stack(app: App, stack: Stack) -> None:
    """Heal the stack, and show transitions and the proxy's log until cancelled.

    If another watcher is running, only show them.
    """
    from run_claude.cli.views.watch_log import WatchLog
    from run_claude.watch.policy import policy_of
    from run_claude.watch.supervisor import Supervisor, watching

    policy = policy_of(stack.settings)
    stack.session.reporter = Silent()  # the watcher reports its own actions
    log = WatchLog(app, stack.settings)
    async with anyio.create_task_group() as group:
        if not app.json:
            group.start_soon(_logs, app, stack)
        try:
            async with watching(stack.settings):
                app.output.note(
                    "Watching and healing the stack. Press Ctrl-C to stop watching; the stack keeps running."
                )
                await Supervisor(stack.session, log, policy).run()
        except BusyError as error:
            app.output.note(f"{error.message} Showing transitions only. Press Ctrl-C to stop.")
        async for seen in stack.transitions():
            if isinstance(seen, Transition):
                log.show(seen)


async def _logs(app: App, stack: Stack) -> None:
    """Follow the proxy's log. A log ends with its container, so begin again when the proxy is healthy."""
    tail = 0
    while True:
        try:
            await stack.print_logs([Service.LITELLM], tail=tail, follow=True, emit=app.output.text)
            await stack.wait(Service.LITELLM, Phase.HEALTHY)
        except RunClaudeError as error:
            app.output.note(f"No logs: {error.message}")
            observer = await stack.session.observe()
            await observer.wait_for(lambda now: now if now.litellm.phase is Phase.HEALTHY else None)
        tail = 20

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

_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds before a log that has ended is followed again


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
    """Follow the proxy's log. A log ends with its container, so begin again when the proxy is healthy.

    Where it ends and the same proxy runs on, as with a log driver that cannot be read, ever longer pauses are made.
    """
    observer = await stack.session.observe()
    tail, pause, before = 0, _PAUSE, ""
    while True:
        now = await observer.wait_for(lambda now: now if now.litellm.phase is Phase.HEALTHY else None)
        run = f"{now.litellm.id} {now.litellm.started_ns}"
        if run == before:
            await anyio.sleep(pause)
            tail, pause = 0, min(2 * pause, _LONGEST_PAUSE)
        else:
            pause = _PAUSE
        before = run
        try:
            await stack.print_logs([Service.LITELLM], tail=tail, follow=True, emit=app.output.text)
        except RunClaudeError as error:
            app.output.note(f"No logs: {error.message}")
        tail = 20

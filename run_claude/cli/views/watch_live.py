"""`proxy start --watch`: the watcher with the proxy's log between its lines. Ctrl-C leaves the stack running."""

from __future__ import annotations

import sys
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
    """Heal the stack and show every transition, and between them what the proxy prints, until cancelled.

    Where somebody else watches already it only looks.
    """
    from run_claude.cli.views.watch_log import Teller
    from run_claude.watch.policy import policy_of
    from run_claude.watch.supervisor import Supervisor, watching

    policy = policy_of(stack.settings)
    stack.reporter = Silent()  # the watcher tells the steps of what it does in its own words
    teller = Teller(app, stack.settings)
    async with anyio.create_task_group() as group:
        if not app.json:
            group.start_soon(_logs, app, stack)
        try:
            async with watching(stack):
                app.output.note("Watching, and healing what fails. Ctrl-C ends it and leaves the stack running.")
                await Supervisor(stack, teller, policy).run()
        except BusyError as error:
            app.output.note(f"{error.message} This one only looks. Ctrl-C ends it.")
        async for seen in stack.transitions():
            if isinstance(seen, Transition):
                teller.show(seen)


async def _logs(app: App, stack: Stack) -> None:
    """Follow the logs; a container that ends ends its log, so begin again when it is back."""
    tail = 0
    while True:
        try:
            await stack.print_logs([Service.LITELLM], tail=tail, follow=True, emit=app.output.text)
            await stack.wait(Service.LITELLM, Phase.HEALTHY)
        except RunClaudeError as error:
            sys.stderr.write(f"no logs now: {error.message}\n")
            observer = await stack.observe()
            await observer.wait_for(lambda now: now if now.litellm.phase is Phase.HEALTHY else None)
        tail = 20

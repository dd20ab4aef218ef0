"""`proxy start --watch`: transitions and logs until Ctrl-C, which leaves the stack running."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio

from run_claude.cli.words import transition_json, transition_line
from run_claude.core.lifecycle import Service, Transition, format_time

if TYPE_CHECKING:
    from run_claude.cli.context import App
    from run_claude.stack import Stack

__all__ = ["watch_stack"]


async def watch_stack(app: App, stack: Stack) -> None:
    """Show every transition, and between them what the containers print, until cancelled."""
    app.output.note("Watching. Ctrl-C ends the watching and leaves the stack running.")
    async with anyio.create_task_group() as group:
        if not app.json:
            group.start_soon(_logs, app, stack)
        async for seen in stack.transitions():
            if not isinstance(seen, Transition):
                app.output.note(f"{seen.count} transitions were missed.")
            elif app.json:
                app.output.record(transition_json(seen))
            else:
                stamp = (format_time(seen.at_ns) or "")[11:19]
                app.output.text(f"{stamp} ● {transition_line(seen)}")


async def _logs(app: App, stack: Stack) -> None:
    """Follow the logs; a container that ends ends its log, so begin again when it is back."""
    from run_claude.core.errors import RunClaudeError
    from run_claude.core.lifecycle import Phase

    tail = 0
    while True:
        try:
            await stack.print_logs([Service.LITELLM], tail=tail, follow=True, emit=app.output.text)
        except RunClaudeError as error:
            sys.stderr.write(f"no logs now: {error.message}\n")
        await stack.wait(Service.LITELLM, Phase.HEALTHY)
        tail = 20

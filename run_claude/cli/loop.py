"""Commands that wait for something run in an event loop, which signals cancel."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from run_claude.cli.context import App

__all__ = ["run_in_loop"]


def run_in_loop(app: App, call: Callable[[], Awaitable[int]]) -> int:
    """Run a command to its end, or to the first SIGINT or SIGTERM, and return its exit code."""
    return anyio.run(partial(_run, app, call), backend="asyncio")


async def _run(app: App, call: Callable[[], Awaitable[int]]) -> int:
    code = 0
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as command:
            group.start_soon(_signals, app, command.cancel)
            code = await call()
        # A call that the cancellation has broken may have come back with an error's code.
        if command.cancelled_caught or (code and app.interrupted_code):
            code = app.interrupted_code
            app.output.interrupted(code)
        group.cancel_scope.cancel()
    return code


async def _signals(app: App, cancel: Callable[[], None]) -> None:
    """Turn the first SIGINT or SIGTERM into a cancellation; a second one ends the process as it stands."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
        async for number in received:
            if app.on_signal is not None:
                app.on_signal(number)
            elif app.interrupted_code:
                _force(app.interrupted_code)
            else:
                app.interrupted_code = 128 + number
                cancel()


def _force(code: int) -> NoReturn:
    """End now, as it stands: what was started goes, and the cursor that a live display hides comes back."""
    from run_claude.engine.process import kill_all

    kill_all()
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h\n")
        sys.stderr.flush()
    os._exit(code)

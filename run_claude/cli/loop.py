"""Commands that wait for something run in an event loop, which signals cancel."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from anyio.abc import TaskStatus

    from run_claude.cli.context import App

__all__ = ["run_in_loop"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_in_loop(app: App, call: Callable[[], Awaitable[int]]) -> int:
    """Run a command to its end, or to the first SIGINT or SIGTERM, and return its exit code."""
    early: list[int] = []  # signals that come while the loop is being made; interrupted there, it leaves a traceback
    for number in _SIGNALS:
        signal.signal(number, lambda number, _: early.append(number))
    return anyio.run(partial(_run, app, call, early), backend="asyncio")


async def _run(app: App, call: Callable[[], Awaitable[int]], early: Sequence[int]) -> int:
    code = 0
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as command:
            await group.start(_signals, app, command.cancel, early)  # before the first step: it may write files
            code = await call()
        # A call that the cancellation has broken may have come back with an error's code.
        if command.cancelled_caught or (code and app.interrupted_code):
            code = app.interrupted_code
            app.output.interrupted(code)
        group.cancel_scope.cancel()
    return code


async def _signals(
    app: App, cancel: Callable[[], None], early: Sequence[int], *, task_status: TaskStatus[None]
) -> None:
    """Turn the first SIGINT or SIGTERM into a cancellation; a second one ends the process as it stands."""

    def take(number: int) -> None:
        if app.on_signal is not None:
            app.on_signal(number)
        elif app.interrupted_code:
            _force(app.interrupted_code)
        else:
            app.interrupted_code = 128 + number
            cancel()

    with anyio.open_signal_receiver(*_SIGNALS) as received:
        task_status.started()
        for number in early:
            take(number)
        async for number in received:
            take(number)


def _force(code: int) -> NoReturn:
    """End now, as it stands: what was started goes, and the cursor that a live display hides comes back."""
    from run_claude.docker.process import kill_all

    kill_all()
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h\n")
        sys.stderr.flush()
    os._exit(code)

"""Run commands that wait in an event loop that SIGINT, SIGTERM and SIGHUP cancel."""

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

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last: its terminal is gone


def run_in_loop(app: App, call: Callable[[], Awaitable[int]]) -> int:
    """Run a command until it ends or is interrupted, and return its exit code."""
    early: list[int] = []  # signals that arrive while asyncio makes its loop, which would end in a traceback
    for number in _taken():
        signal.signal(number, lambda number, _: early.append(number))
    return anyio.run(partial(_run, app, call, early), backend="asyncio")


def _taken() -> list[signal.Signals]:
    """Return the signals that end a command; `nohup` wants it to outlive its terminal."""
    return [number for number in _SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]


async def _run(app: App, call: Callable[[], Awaitable[int]], early: Sequence[int]) -> int:
    code = 0
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as command:
            await group.start(_signals, app, command.cancel, early)  # before the command, which may write files
            code = await call()
        # A cancelled call may have turned the cancellation into an error, and its exit code.
        if command.cancelled_caught or (code and app.interrupted_code):
            code = app.interrupted_code
            app.output.interrupted(code)
        group.cancel_scope.cancel()
    return code


async def _signals(
    app: App, cancel: Callable[[], None], early: Sequence[int], *, task_status: TaskStatus[None]
) -> None:
    """Cancel the command on the first signal; end the process at once on the second."""

    def take(number: int) -> None:
        if app.on_signal is not None:
            app.on_signal(number)
        elif app.interrupted_code:
            _force(app.interrupted_code)
        else:
            app.interrupted_code = 128 + number
            cancel()

    with anyio.open_signal_receiver(*_taken()) as received:
        task_status.started()
        for number in early:
            take(number)
        async for number in received:
            take(number)


def _force(code: int) -> NoReturn:
    """End the process now: kill child processes and show the cursor that a live display has hidden."""
    from run_claude.docker.process import kill_all

    kill_all()
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h\n")
        sys.stderr.flush()
    os._exit(code)

"""Read a named pipe, such as a password manager puts in the place of `.env`: once in a process, and not for ever."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.errors import RunClaudeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

__all__ = ["PATIENCE", "is_pipe", "read_pipe"]

PATIENCE = 15.0  # seconds for a writer to come and to end: time to unlock a password manager

_LARGEST = 1 << 20  # bytes
_SLICE = 0.05  # seconds between two looks for a signal
_known: dict[tuple[str, int, int], bytes | RunClaudeError] = {}  # what a pipe gave: it gives it once
_lock = threading.Lock()


def is_pipe(path: Path) -> bool:
    """Whether a path is a named pipe, or a link to one."""
    return path.is_fifo()


def read_pipe(path: Path) -> bytes:
    """Return what a pipe gives, which is read at the first call only, and kept in memory alone.

    :raises ConfigError: if nobody writes to it in time
    :raises SystemExit: with the exit code of an interrupted command, if SIGINT or SIGTERM comes while it waits
    """
    with _lock:
        found = path.stat()
        key = (str(path), found.st_dev, found.st_ino)
        if key not in _known:
            try:
                _known[key] = _read(path)
            except RunClaudeError as error:
                _known[key] = error  # nor is it waited for twice
        known = _known[key]
    if isinstance(known, RunClaudeError):
        raise known
    return known


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        with _interruptible() as signals:
            content = b""
            until = time.monotonic() + PATIENCE
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            while True:
                if signals:
                    raise SystemExit(128 + signals[0])
                if time.monotonic() > until or len(content) > _LARGEST:
                    raise _silent(path, too_much=len(content) > _LARGEST)
                if not (events := poll.poll(_SLICE * 1000)):
                    continue
                chunk = os.read(descriptor, 1 << 16) if events[0][1] & select.POLLIN else b""
                if not chunk:  # POLLHUP: a writer was there, and has ended
                    return content
                content += chunk
    finally:
        os.close(descriptor)


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Yield a list that gets the signals which come meanwhile: an event loop that does not run cannot tell of them."""
    signals: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return

    def note(number: int, frame: FrameType | None) -> None:
        signals.append(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, note)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _silent(path: Path, *, too_much: bool) -> RunClaudeError:
    return caused(
        "file-unreadable",
        f"{path} is a named pipe that gives over {_LARGEST >> 20} MB."
        if too_much
        else f"{path} is a named pipe, and nothing was written to it within {PATIENCE:.0f} s.",
        help="Unlock or start what writes to it, such as a password manager, and run the command again.",
        facts={"file": str(path)},
    )

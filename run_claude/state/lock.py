"""One writer at a time: an advisory lock that the kernel releases, however its holder ends."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import threading
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import anyio

from run_claude.config.files import ensure_folder
from run_claude.config.flocks import flock
from run_claude.config.ownership import keep_owner
from run_claude.domain.causes import caused
from run_claude.state import reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

__all__ = ["holder_of", "holder_pid", "lock"]

T = TypeVar("T")


@asynccontextmanager
async def lock(
    path: Path, purpose: str, *, wait: float = 600.0, on_wait: Callable[[str], None] = lambda holder: None
) -> AsyncIterator[bool]:
    """Hold the lock file for the time of the block; yield whether it had to be waited for.

    The file says who holds it, for the message of a command that waits; what locks is ``flock`` alone.

    :param purpose: what for, shown to a command that waits
    :param wait: seconds
    :param on_wait: called once, with the holder in words, if the lock is not free
    :raises BusyError: if it is not free within ``wait``
    """
    ensure_folder(path.parent)
    descriptor, locked = _open(path)
    try:
        waited = not locked
        if waited:
            # Without a holder, another command has only looked who holds it, and lets go at once.
            if holder := holder_of(path):
                on_wait(holder)
            try:
                with anyio.fail_after(wait):
                    await _blocking(descriptor)
            except TimeoutError as error:
                holder = holder or holder_of(path) or "Another run-claude command"
                raise caused(
                    "busy",
                    f"{holder} has been working on this instance for over {wait:.0f} s.",
                    help="Wait for it, or end it; the lock goes with the process.",
                ) from error
        record = {"pid": os.getpid(), "purpose": purpose, "since": time.time()}
        with suppress(OSError):  # a full disk: who waits is not told for whom
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(record).encode(), 0)
        try:
            yield waited
        finally:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)  # who looks next must not read of a holder that has ended
    finally:
        os.close(descriptor)


def holder_of(path: Path) -> str:
    """Return who holds the lock, in words; empty if it is free, or cannot be opened."""
    try:
        return _look(path, _holder) or ""
    except reader.Broken:
        return "another run-claude command"


def holder_pid(path: Path) -> int:
    """Return the process that holds the lock; 0 if it is free, cannot be opened, or does not say who holds it."""
    try:
        return _look(path, lambda record: record.whole("pid")) or 0
    except reader.Broken:
        return 0


def _look(path: Path, parse: Callable[[reader.Fields], T]) -> T | None:
    """Return what the holder of a lock has written; ``None`` if it is free, or cannot be opened.

    :raises Broken: if that cannot be read
    """
    try:
        # Shared: two that look do not take each other for a holder.
        descriptor, locked = flock(os.open(path, os.O_RDWR | os.O_CLOEXEC), path, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return None
    try:
        return None if locked else reader.decode(os.pread(descriptor, 4096, 0), parse)
    finally:
        os.close(descriptor)


def _open(path: Path) -> tuple[int, bool]:
    """Open a lock file, and lock it if it is free; return whether it was.

    :raises ConfigError: if it cannot be opened
    """
    try:
        made = not path.exists()
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        descriptor, locked = flock(opened, path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise caused(
            "file-unwritable",
            f"{path} cannot be opened: {(error.strerror or str(error)).lower()}.",
            help=f"Check the folder's owner and mode, and the free space: ls -ld {path.parent}; df -h {path.parent}",
            facts={"file": str(path)},
        ) from error
    if made:
        keep_owner(descriptor, path.parent)
    return descriptor, locked


def _holder(record: reader.Fields) -> str:
    return f"run-claude {record.text('purpose')} (pid {record.whole('pid')})"


async def _blocking(descriptor: int) -> None:
    """Wait for the kernel to hand us the lock.

    A daemon thread, because ``flock`` cannot be cancelled and a worker thread would keep the interpreter from
    ending. It waits on a duplicate: giving up closes both, and the lock goes with the last of them.
    """
    loop, granted = asyncio.get_running_loop(), anyio.Event()
    duplicate = os.dup(descriptor)
    abandoned = threading.Event()

    def wait() -> None:
        try:
            fcntl.flock(duplicate, fcntl.LOCK_EX)
            if abandoned.is_set():
                fcntl.flock(duplicate, fcntl.LOCK_UN)
        finally:
            os.close(duplicate)
            if not abandoned.is_set():
                loop.call_soon_threadsafe(granted.set)

    threading.Thread(target=wait, name="flock", daemon=True).start()
    try:
        await granted.wait()
    except BaseException:
        abandoned.set()
        raise

"""Run commands in process groups of their own, read their output line by line, and leave no process behind."""

from __future__ import annotations

import os
import shlex
import signal
from collections import deque
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, TypeVar, cast

import anyio
from anyio.streams.text import TextReceiveStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from anyio.abc import ByteReceiveStream, ByteSendStream, Process

__all__ = ["Completed", "first_error", "kill_all", "open_group", "pump", "run", "ungrouped"]

_KEEP_LINES = 2000  # per stream; the whole output of a failed build fits
_TERMINATE_WITHIN = 1.5  # seconds; Compose ignored a SIGTERM 40 ms after its start

E = TypeVar("E", bound=Exception)

_running: set[int] = set()  # process groups


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has finished."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def command(self) -> str:
        """The command line, quoted for a shell."""
        return shlex.join(self.argv)


async def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    text: str = "",
) -> Completed:
    """Run a command to its end and return its output.

    The command gets a session of its own, so that the terminal's Ctrl-C reaches run-claude alone. On cancellation the
    whole process group gets SIGTERM, then SIGKILL, before the cancellation continues.

    :param text: its standard input; empty by default
    :param on_line: called with each line of stdout and stderr as it arrives
    :raises FileNotFoundError: if there is no such command
    """
    kept_out: deque[str] = deque(maxlen=_KEEP_LINES)
    kept_err: deque[str] = deque(maxlen=_KEEP_LINES)
    async with open_group(argv, env=env, cwd=cwd, stdin=bool(text)) as process, anyio.create_task_group() as group:
        group.start_soon(_lines, process.stdout, kept_out, on_line)
        group.start_soon(_lines, process.stderr, kept_err, on_line)
        if process.stdin is not None:
            with suppress(anyio.BrokenResourceError):  # it ended without reading; its exit code tells why
                await process.stdin.send(text.encode())
            await process.stdin.aclose()
        await process.wait()
    return _completed(argv, process, kept_out, kept_err)


async def pump(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    source: AsyncIterable[bytes] | None = None,
    sink: Callable[[bytes], None] = lambda chunk: None,
) -> Completed:
    """Run a command to its end and stream bytes in and out, for data larger than memory. Ends as :func:`run` does.

    :param source: its standard input; empty by default
    :param sink: called with each chunk of stdout
    :raises FileNotFoundError: if there is no such command
    """
    kept_err: deque[str] = deque(maxlen=_KEEP_LINES)

    filling = anyio.CancelScope()

    async def fill(stream: ByteSendStream, chunks: AsyncIterable[bytes], scope: anyio.CancelScope) -> None:
        with scope, suppress(anyio.BrokenResourceError):  # it ended without reading; its exit code tells why
            async for chunk in chunks:
                await stream.send(chunk)
        await stream.aclose()

    async with open_group(argv, env=env, stdin=source is not None) as process, anyio.create_task_group() as group:
        group.start_soon(_lines, process.stderr, kept_err, None)
        if source is not None and process.stdin is not None:
            group.start_soon(fill, process.stdin, source, filling)
        if process.stdout is not None:
            async for chunk in process.stdout:
                sink(chunk)
        await process.wait()
        filling.cancel()
    return _completed(argv, process, (), kept_err)


@asynccontextmanager
async def open_group(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None, stdin: bool = False
) -> AsyncIterator[Process]:
    """Yield a process in a session of its own, with pipes for its streams. If the block fails, its group is killed.

    :raises FileNotFoundError: if there is no such command
    """
    process = await anyio.open_process(
        list(argv),
        stdin=PIPE if stdin else DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
    )
    _running.add(process.pid)
    try:
        yield process
    except BaseException:
        await _end(process)
        raise
    finally:
        _running.discard(process.pid)
        with anyio.move_on_after(_TERMINATE_WITHIN, shield=True):
            await process.aclose()


def _completed(argv: Sequence[str], process: Process, out: Iterable[str], err: Iterable[str]) -> Completed:
    assert process.returncode is not None  # noqa: S101 (wait() has returned)
    return Completed(tuple(argv), process.returncode, "\n".join(out), "\n".join(err))


async def _lines(stream: ByteReceiveStream | None, kept: deque[str], on_line: Callable[[str], None] | None) -> None:
    if stream is None:
        return
    rest = ""
    async for chunk in TextReceiveStream(stream, errors="replace"):
        *lines, rest = (rest + chunk).replace("\r", "\n").split("\n")
        for line in lines:
            kept.append(line)
            if on_line:
                on_line(line)
    if rest:
        kept.append(rest)
        if on_line:
            on_line(rest)


def kill_all() -> None:
    """Kill every running process group: for a second Ctrl-C, when nothing is awaited any more."""
    for pid in _running:
        _signal_group(pid, signal.SIGKILL)


async def _end(process: Process) -> None:
    """Terminate the process group, then kill it."""
    with anyio.CancelScope(shield=True):
        _signal_group(process.pid, signal.SIGTERM)
        with anyio.move_on_after(_TERMINATE_WITHIN):
            await process.wait()
        _signal_group(process.pid, signal.SIGKILL)
        with anyio.move_on_after(_TERMINATE_WITHIN):  # one that waits for a disk ends when the disk answers
            await process.wait()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # it has already ended
        os.killpg(pid, number)


def first_error(group: BaseExceptionGroup, kind: type[E]) -> E | None:
    """Return the first error of a task group's, if all are of this kind.

    Instead of ``except*`` where another error is raised: Python before 3.11.4 wraps that in a group of its own, in
    which no ``except`` of a caller finds it. Debian 12 has Python 3.11.2.
    """
    matching, others = group.split(kind)
    if matching is None or others is not None:
        return None
    error: BaseException = matching
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return cast("E", error)


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise the only exception of a group on its own; leave a group of several unchanged."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        if isinstance(error, BaseExceptionGroup):
            raise
        raise error from error.__cause__

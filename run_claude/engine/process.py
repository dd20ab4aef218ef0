"""Run a command in a process group of its own, line by line, and leave nothing of it behind."""

from __future__ import annotations

import os
import shlex
import signal
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING

import anyio
from anyio.streams.text import TextReceiveStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from anyio.abc import ByteReceiveStream, Process

__all__ = ["Completed", "run"]

_KEEP_LINES = 2000  # of each stream; a failed build's whole output fits
_TERMINATE_WITHIN = 1.5  # seconds; Compose ignored a SIGTERM that came 40 ms after its start


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has ended."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def command(self) -> str:
        """The command line as a shell takes it."""
        return shlex.join(self.argv)


async def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    text: str = "",
) -> Completed:
    """Run a command to its end and return what it printed.

    The command has a session of its own, so the terminal's Ctrl-C reaches us and not it; when this is
    cancelled, the whole group gets SIGTERM, then SIGKILL, before the cancellation goes on.

    :param text: its standard input; nothing by default
    :param on_line: called with each line of stderr, and of stdout, as it comes
    :raises FileNotFoundError: if there is no such command
    """
    kept_out: deque[str] = deque(maxlen=_KEEP_LINES)
    kept_err: deque[str] = deque(maxlen=_KEEP_LINES)
    process = await anyio.open_process(
        list(argv),
        stdin=PIPE if text else DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
    )
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_lines, process.stdout, kept_out, on_line)
            group.start_soon(_lines, process.stderr, kept_err, on_line)
            if process.stdin is not None:
                await process.stdin.send(text.encode())
                await process.stdin.aclose()
            await process.wait()
    except BaseException:
        await _end(process)
        raise
    finally:
        with anyio.CancelScope(shield=True):
            await process.aclose()
    assert process.returncode is not None  # noqa: S101 (wait() has returned)
    return Completed(tuple(argv), process.returncode, "\n".join(kept_out), "\n".join(kept_err))


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


async def _end(process: Process) -> None:
    """End the process group: politely, then not."""
    with anyio.CancelScope(shield=True):
        _signal_group(process.pid, signal.SIGTERM)
        with anyio.move_on_after(_TERMINATE_WITHIN):
            await process.wait()
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # it has ended already
        os.killpg(pid, number)

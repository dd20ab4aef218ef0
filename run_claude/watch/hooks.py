"""What runs at each transition: the user's command, a desktop notification. Neither ever delays the watcher."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
from anyio.streams.text import TextReceiveStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from anyio.abc import Process

__all__ = ["Hook", "notifier"]

WITHIN = 30.0  # seconds that one run of the command may take
_END_WITHIN = 5.0  # seconds for a command that was killed to be gone
LINES = 3  # of its stderr are shown, the last ones
WAITING = 100  # transitions that may wait for the command; later ones are skipped

_LAST_WORDS_WITHIN = 0.5  # seconds, after it has ended
_LONGEST, _SHOWN = 8192, 300  # characters of a line: kept, shown


class Hook:
    """Runs the user's command, one at a time and in order. :meth:`run` it in a task group."""

    def __init__(self, command: str, environ: Mapping[str, str], complain: Callable[[str], None]) -> None:
        self._command = command
        self._environ = environ
        self._complain = complain
        self._queue: deque[dict[str, str]] = deque()
        self._filled = anyio.Event()

    def put(self, facts: Mapping[str, object]) -> None:
        """Run the command with these facts in its environment, as ``RUN_CLAUDE_SERVICE``, ``RUN_CLAUDE_TO``, …"""
        variables = {f"RUN_CLAUDE_{name.upper()}": "" if value is None else str(value) for name, value in facts.items()}
        if len(self._queue) == WAITING:
            self._complain("The --exec command is too slow: a transition was skipped.")
            return
        self._queue.append(variables)
        self._filled.set()

    async def run(self) -> None:
        """Run the command for each transition, until cancelled."""
        while True:
            while self._queue:
                await self._one(self._queue.popleft())
            self._filled = anyio.Event()
            await self._filled.wait()

    async def _one(self, variables: dict[str, str]) -> None:
        process = await anyio.open_process(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            stderr=subprocess.PIPE,
            env={**self._environ, **variables},
            start_new_session=True,  # so that its children can be ended with it
        )
        said: deque[str] = deque(maxlen=LINES)
        try:
            with anyio.fail_after(WITHIN):
                async with anyio.create_task_group() as group:
                    group.start_soon(_drain, process, said)
                    code = await process.wait()
                    # A child that it has left in the background may hold the pipe open for ever.
                    group.cancel_scope.deadline = anyio.current_time() + _LAST_WORDS_WITHIN
            if code != 0:
                self._complain(_with(f"The --exec command ended with {code}", said))
            elif said:
                self._complain(_with("The --exec command says", said))
        except TimeoutError:
            self._complain(_with(f"The --exec command took longer than {WITHIN:.0f} s and was ended", said))
        finally:
            with anyio.move_on_after(_END_WITHIN, shield=True):
                if process.returncode is None:
                    with suppress(ProcessLookupError):  # it has ended at this moment
                        os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
                await process.aclose()  # else its pipe is closed after the loop, with a traceback


async def _drain(process: Process, said: deque[str]) -> None:
    """Keep the last lines of what the command prints on stderr; a pipe that nobody reads stops it when it is full."""
    assert process.stderr is not None  # noqa: S101 (asked for)
    rest = ""
    async for chunk in TextReceiveStream(process.stderr, errors="replace"):
        *lines, rest = (rest + chunk)[-_LONGEST:].split("\n")
        said.extend(line for line in lines if line.strip())
    if rest.strip():
        said.append(rest)


def _with(what: str, said: deque[str]) -> str:
    return f"{what}: {' | '.join(line.strip()[-_SHOWN:] for line in said)}" if said else f"{what}."


def notifier(environ: Mapping[str, str]) -> str | None:
    """Return the command that shows a desktop notification of ``$RUN_CLAUDE_TEXT``; ``None`` without a desktop."""
    if sys.platform == "darwin" and shutil.which("osascript"):
        script = 'display notification (system attribute "RUN_CLAUDE_TEXT") with title "run-claude"'
        return f"osascript -e '{script}'"
    if shutil.which("notify-send") and (environ.get("WAYLAND_DISPLAY") or environ.get("DISPLAY")):
        return 'notify-send --app-name run-claude run-claude "$RUN_CLAUDE_TEXT"'
    return None

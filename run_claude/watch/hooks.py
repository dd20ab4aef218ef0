"""What runs at each transition: the user's command, a desktop notification. Neither ever delays the watcher."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO

__all__ = ["Hook", "notifier"]

WITHIN = 30.0  # seconds that one run of the command may take
_END_WITHIN = 5.0  # seconds for a command that was killed to be gone
LINES = 3  # of its stderr are shown, the last ones
WAITING = 100  # transitions that may wait for the command; later ones are skipped

_READ, _SHOWN = 8192, 300  # bytes of its end that are read; characters of a line that are shown


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
        # A file takes whatever is printed at once, also from a child that outlives the command; a pipe would be full,
        # or held open.
        with tempfile.TemporaryFile() as errors:
            process = await anyio.open_process(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                stderr=errors,
                env={**self._environ, **variables},
                start_new_session=True,  # so that its children can be ended with it
            )
            try:
                with anyio.fail_after(WITHIN):
                    code = await process.wait()
                said = _last_lines(errors)
                if code != 0:
                    self._complain(_with(f"The --exec command ended with {code}", said))
                elif said:
                    self._complain(_with("The --exec command says", said))
            except TimeoutError:
                what = f"The --exec command took longer than {WITHIN:.0f} s and was ended"
                self._complain(_with(what, _last_lines(errors)))
            finally:
                if process.returncode is None:
                    with suppress(ProcessLookupError):  # it has ended at this moment
                        os.killpg(process.pid, signal.SIGKILL)
                    with anyio.move_on_after(_END_WITHIN, shield=True):
                        await process.wait()


def _last_lines(errors: IO[bytes]) -> list[str]:
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - _READ))
    lines = errors.read().decode(errors="replace").splitlines()
    return [line for line in lines if line.strip()][-LINES:]


def _with(what: str, said: Sequence[str]) -> str:
    return f"{what}: {' | '.join(line.strip()[-_SHOWN:] for line in said)}" if said else f"{what}."


def notifier(environ: Mapping[str, str]) -> str | None:
    """Return the command that shows a desktop notification of ``$RUN_CLAUDE_TEXT``; ``None`` without a desktop."""
    if sys.platform == "darwin" and shutil.which("osascript"):
        script = 'display notification (system attribute "RUN_CLAUDE_TEXT") with title "run-claude"'
        return f"osascript -e '{script}'"
    if shutil.which("notify-send") and (environ.get("WAYLAND_DISPLAY") or environ.get("DISPLAY")):
        return 'notify-send --app-name run-claude run-claude "$RUN_CLAUDE_TEXT"'
    return None

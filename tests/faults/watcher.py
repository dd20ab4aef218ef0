"""A `run-claude watch` process, and what it tells."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Watcher"]

Line = dict[str, Any]


class Watcher:
    """One watcher with `--json`: its lines as they come. Use as a context manager; it must end well when told to."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.lines: list[Line] = []
        self._told = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "run_claude", "watch", "--json"],
            env=dict(environment),
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._errors: list[str] = []
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read, self._read_errors)]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.process.poll() is None:
                assert self.stop() == 0, self.story()
        finally:
            if self.process.poll() is None:
                self.kill()
        assert "Traceback" not in self.errors, self.errors

    @property
    def errors(self) -> str:
        """What it has printed to standard error."""
        return "".join(self._errors)

    def story(self) -> str:
        """Return all that it has told, for a failed assertion."""
        return "\n".join([*(json.dumps(line) for line in self.lines[-40:]), self.errors[-2000:]])

    def stop(self) -> int:
        """Tell it to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """Kill it, whatever it does."""
        self.process.kill()
        self.wait()

    def wait(self, *, within: float = 30) -> int:
        """Return its exit code; it ends by itself, or was told to."""
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the watcher does not end:\n{self.story()}") from None
        for reader in self._readers:
            reader.join(5)
        return code

    def mark(self) -> int:
        """Return where its story is now, for :meth:`until`."""
        return len(self.lines)

    def actions(self, since: int) -> list[Line]:
        """Return what it has told since then of what it does."""
        return [line for line in self.lines[since:] if line.get("event") == "action"]

    def until(self, fits: Callable[[Line], bool], *, since: int = 0, within: float = 60) -> Line:
        """Return the first line from ``since`` on that fits; wait for it."""
        end = time.monotonic() + within
        with self._told:
            position = since
            while True:
                for line in self.lines[position:]:
                    if fits(line):
                        return line
                position = len(self.lines)
                left = end - time.monotonic()
                ended = self.process.poll() is not None and not self._readers[0].is_alive()
                assert left > 0 and not ended, f"not told within {within:g} s:\n{self.story()}"
                self._told.wait(min(left, 1.0))

    def until_watching(self) -> None:
        """Wait until it watches."""
        self.until(lambda line: line.get("event") == "watching", within=30)

    def until_phase(self, service: str, phase: str, *, since: int = 0, within: float = 60) -> Line:
        """Wait until it tells that a service has got into a phase, and return that line."""
        return self.until(
            lambda line: line.get("service") == service and line.get("phase", line.get("to")) == phase,
            since=since,
            within=within,
        )

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._told:
                self.lines.append(json.loads(line))
                self._told.notify_all()
        self.process.stdout.close()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._errors.append(line)
        self.process.stderr.close()

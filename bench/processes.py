"""Whole processes, timed from the outside."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["BenchError", "Done", "execute"]


class BenchError(Exception):
    """A measurement failed; the message says which, and has its last lines."""


@dataclass(frozen=True, slots=True)
class Done:
    """A process that has succeeded. Times are wall-clock times, in seconds since the epoch."""

    began: float
    seconds: float
    stdout: str
    stderr: str

    @property
    def ended(self) -> float:
        """When it ended."""
        return self.began + self.seconds


async def execute(
    *argv: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, limit: float = 600
) -> Done:
    """Run a command to its end and return how long that took.

    :raises BenchError: if it fails or takes longer than ``limit`` seconds
    """
    environ = {**os.environ, **(env or {})}
    began, clock = time.time(), time.perf_counter()
    try:
        with anyio.fail_after(limit):
            done = await anyio.run_process(
                argv, check=False, stdin=subprocess.DEVNULL, env={k: v for k, v in environ.items() if v}, cwd=cwd
            )
    except TimeoutError as error:
        raise BenchError(f"`{_shown(argv)}` did not end within {limit:g} s") from error
    except OSError as error:
        raise BenchError(f"`{_shown(argv)}`: {error}") from error
    seconds = time.perf_counter() - clock
    stdout, stderr = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if done.returncode != 0:
        tail = "\n".join((stdout + stderr).strip().splitlines()[-30:])
        raise BenchError(f"`{_shown(argv)}` ended with {done.returncode}:\n{tail}")
    return Done(began, seconds, stdout, stderr)


def _shown(argv: tuple[str, ...]) -> str:
    line = " ".join(argv)
    return line if len(line) < 200 else f"{line[:197]}…"

"""What a command costs before it does anything: whole processes, compared to the minimum."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from bench.processes import execute
from bench.runner import Recorder, Sample, interleave
from bench.stacks import Ours

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NAME = "commands"
TITLE = "Command start-up"
BASELINE = "python -c pass"


async def run(bench: Recorder) -> None:
    """Time commands while a stack is running."""
    workspace = bench.workspace
    await workspace.image()
    bench.say("preparing")
    ours = Ours(workspace)
    try:
        await ours.start()

        async def bare() -> Sample:
            return _sample((await execute(sys.executable, "-c", "pass")).seconds)

        async def command(*arguments: str) -> Sample:
            return _sample((await ours.call(*arguments)).seconds)

        async def compose_ps() -> Sample:
            return _sample((await execute("docker", "compose", "--project-name", ours.instance, "ps")).seconds)

        contenders: dict[str, Callable[[], Awaitable[Sample]]] = {
            BASELINE: bare,
            "run-claude --version": partial(command, "--version"),
            "run-claude --help": partial(command, "--help"),
            "run-claude env demo": partial(command, "env", "demo"),
            "run-claude proxy status": partial(command, "proxy", "status"),
            "run-claude proxy health": partial(command, "proxy", "health"),
            "docker compose ps": compose_ps,
        }
        await interleave(bench, contenders, rounds=bench.rounds(25, 1), warmup=bench.rounds(1, 0))
    finally:
        await ours.leave()


def _sample(seconds: float) -> Sample:
    return Sample({"whole process": ("s", seconds)})

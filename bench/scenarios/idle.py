"""What watching costs while nothing happens, alone and with busy neighbours."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from bench.docker import docker, remove
from bench.dummies import dummies
from bench.processes import BenchError
from bench.workspace import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bench.runner import Recorder
    from bench.workspace import Workspace

NAME = "idle"
TITLE = "Watching while nothing happens"
BASELINE = "run-claude"

POLLING = "polling every 2 s"
_PROBES_IN_A_SECOND = 500 / 30  # of 500 containers, probed every 30 s as usual: ten make as many, at 600 ms


async def run(bench: Recorder) -> None:
    """Measure the processor time and memory of `run-claude watch` on a quiet stack."""
    seconds = bench.rounds(60, 2)
    bench.note(f"Over {seconds} s each. The neighbours make as many events as 500 containers probed every 30 s.")
    async with dummies(bench.workspace, "idle", probes_every="30s") as made:
        container = next(iter(made.names.values()))
        polls = f"while :; do docker inspect --format '{{{{.State.Status}}}}' {container} >/dev/null; sleep 2; done"
        watch = (sys.executable, "-m", "run_claude", "--instance", made.settings.instance, "watch", "--json")
        async with (
            _process(bench.workspace, watch, says="{") as ours,
            _process(bench.workspace, ("bash", "-c", f"echo polling; {polls}"), says="polling") as polling,
        ):
            watched = {BASELINE: ours, POLLING: polling}
            await anyio.sleep(2)  # until it has finished starting
            await _measure(bench, watched, seconds, "alone")
            async with _neighbours(bench, made.settings.python_image, bench.rounds(10, 2)):
                await _measure(bench, watched, seconds, "500 neighbours")


async def _measure(bench: Recorder, watched: dict[str, int], seconds: float, when: str) -> None:
    bench.say(when)
    before = {name: _processor_seconds(pid) for name, pid in watched.items()}
    began = time.monotonic()
    await anyio.sleep(seconds)
    elapsed = time.monotonic() - began
    for name, pid in watched.items():
        share = (_processor_seconds(pid) - before[name]) / elapsed
        bench.record(name, f"processor, {when}", "%", share * 100)
    bench.record(BASELINE, f"memory, {when}", "MB", _memory(watched[BASELINE]))


@asynccontextmanager
async def _process(workspace: Workspace, argv: Sequence[str], *, says: str) -> AsyncIterator[int]:
    environment = {k: v for k, v in (os.environ | workspace.environment).items() if v}
    process = await anyio.open_process(
        argv, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        if process.stdout is None or not (said := await process.stdout.receive()).decode().startswith(says):
            raise BenchError(f"{argv[0]} did not start watching: {said.decode()}")
        yield process.pid
    finally:
        os.killpg(process.pid, 15)
        with anyio.CancelScope(shield=True):
            await process.wait()


@asynccontextmanager
async def _neighbours(bench: Recorder, image: str, count: int) -> AsyncIterator[None]:
    bench.say("starting neighbours")
    names = [bench.workspace.name(f"neighbour-{number}") for number in range(count)]
    probe = ("--health-cmd", "true", "--health-interval", f"{1000 * count / _PROBES_IN_A_SECOND:.0f}ms")
    try:
        for name in names:
            await docker(
                "run", "--detach", "--init", "--network=none", "--name", name, *probe, image, "sleep", "infinity"
            )
        yield
    finally:
        await remove("container", names)


def _processor_seconds(pid: int) -> float:
    """Return the processor time of a process, its threads, and the children that it has waited for."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    own = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return own + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise BenchError(f"process {pid} is gone")

"""What gets slower with more models, a longer history, or more containers on the engine."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
import yaml

from bench.docker import docker, remove
from bench.processes import BenchError
from bench.runner import Recorder, Sample, interleave
from bench.stacks import Ours, measured_start
from run_claude.state import history

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAME = "growth"
TITLE = "Growth"
BASELINE = "1 more model"


async def run(bench: Recorder) -> None:
    """Start with more and more models; run commands with more and more history and neighbours."""
    workspace = bench.workspace
    await workspace.image()
    ours = Ours(workspace)
    models = workspace.models_file
    sizes = (1, 1000) if bench.quick else (1, 10, 100, 1000)
    try:
        contenders = {_counted(size, "more model"): partial(_with_models, ours, models, size) for size in sizes}
        await interleave(bench, contenders, rounds=bench.rounds(3, 1))
        models.unlink()
        await _with_histories(bench, ours)
        if bench.quick:
            bench.note("A quick run does not add other containers to the engine.")
        else:
            await _beside_others(bench, ours)
    finally:
        models.unlink(missing_ok=True)
        await ours.remove()


async def _with_histories(bench: Recorder, ours: Ours) -> None:
    await ours.start()
    path = bench.workspace.settings(ours.instance).paths.history_file
    counts = (10, 1_000) if bench.quick else (10, 1_000, 10_000)
    asked = {_counted(count, "line"): partial(_asked_of_history, ours, path, count) for count in counts}
    await interleave(bench, asked, rounds=bench.rounds(9, 1), warmup=bench.rounds(1, 0))


async def _asked_of_history(ours: Ours, path: Path, count: int) -> Sample:
    _write_history(path, count)
    shown, start = await ours.call("history"), await ours.start()
    return Sample({"history": ("s", shown.seconds), "already healthy, with a history": ("s", start.seconds)})


def _write_history(path: Path, count: int) -> None:
    for old in path.parent.glob(f"{path.stem}*"):
        old.unlink()
    for number in range(count):  # bounded: the oldest are dropped
        history.append(path, "healed", {"at": 1.0 + number, "service": "litellm", "action": "start", "seconds": 5.5})


async def _beside_others(bench: Recorder, ours: Ours) -> None:
    await ours.start()
    for count in (0, 20, 100):
        async with _neighbours(bench, count):
            asked = {_counted(count, "neighbour"): partial(_asked, ours)}
            await interleave(bench, asked, rounds=9, warmup=1)


def _write_models(path: Path, size: int) -> None:
    params = {"model": "openai/gpt-4o", "api_base": "http://127.0.0.1:9/v1", "api_key": "none"}
    path.write_text(
        yaml.safe_dump({"models": {f"bench-{number}": {"litellm_params": params} for number in range(size)}})
    )


async def _with_models(ours: Ours, path: Path, size: int) -> Sample:
    _write_models(path, size)
    sample = await measured_start(ours)
    env, status = await ours.call("env", "demo"), await ours.call("proxy", "status")
    memory = await _memory(ours.containers[-1])
    await ours.stop()
    return Sample(
        {
            "stopped, changed → healthy": sample.values["to healthy"],
            "litellm, memory": ("MB", memory),
            "env": ("s", env.seconds),
            "proxy status": ("s", status.seconds),
        }
    )


async def _asked(ours: Ours) -> Sample:
    status, start = await ours.call("proxy", "status"), await ours.start()
    return Sample(
        {
            "proxy status, beside others": ("s", status.seconds),
            "already healthy, beside others": ("s", start.seconds),
        }
    )


@asynccontextmanager
async def _neighbours(bench: Recorder, count: int) -> AsyncIterator[None]:
    workspace = bench.workspace
    image = workspace.settings(workspace.name("growth")).python_image
    names = [workspace.name(f"neighbour-{number}") for number in range(count)]
    limiter = anyio.CapacityLimiter(4)

    async def start(name: str) -> None:
        async with limiter:
            await docker("run", "--detach", "--init", "--network=none", "--name", name, image, "sleep", "infinity")

    bench.say(f"starting {count} neighbours")
    try:
        async with anyio.create_task_group() as group:
            for name in names:
                group.start_soon(start, name)
        yield
    finally:
        await remove("container", names)


async def _memory(container: str) -> float:
    shown = await docker("stats", "--no-stream", "--format", "{{.MemUsage}}", container)
    found = re.match(r"([\d.]+)(KiB|MiB|GiB)", shown)
    if found is None:
        raise BenchError(f"docker stats shows {shown!r}")
    return float(found[1]) * {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}[found[2]] / 1e6


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

"""From the command to a healthy stack: from nothing, from stopped, and when already healthy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio

from bench.runner import Recorder, Sample, interleave
from bench.scenarios.build import seed_image
from bench.stacks import Floor, Ours, Polling, measured_repeat, measured_start, our_compose, seed_compose

if TYPE_CHECKING:
    from bench.stacks import Contender

NAME = "startup"
TITLE = "Startup to healthy"
BASELINE = "floor: docker run"

OURS = "run-claude proxy start"
COMPOSE = "docker compose up --wait"
POLLING = "compose up, then polling"
SEED = "the seed's compose file"


async def run(bench: Recorder) -> None:
    """Start each contender from each state."""
    workspace = bench.workspace
    image = await workspace.image()
    compose = our_compose(workspace, "compose")
    # The floor uses the files that run-claude generates for an instance.
    our_compose(workspace, "ours")
    ours = Ours(workspace)
    ways: dict[str, Contender] = {
        BASELINE: Floor.like(workspace, image, workspace.name("ours")),
        OURS: ours,
        COMPOSE: compose,
    }
    if bench.quick:
        bench.note("A quick run leaves out the seed, which takes 40 s for each start, and polling.")
    else:
        ways[POLLING] = our_compose(workspace, "polling", Polling)
        ways[SEED] = seed_compose(workspace, "seed", await seed_image(workspace))
    few = {SEED: 3}
    try:
        absent = {name: partial(_from_absent, way) for name, way in ways.items()}
        await interleave(bench, absent, rounds=bench.rounds(9, 1), at_most=few)
        stopped = {name: partial(_from_stopped, way) for name, way in ways.items()}
        await interleave(bench, stopped, rounds=bench.rounds(9, 1), at_most=few)
        running = {name: ways[name] for name in (OURS, COMPOSE)}
        async with anyio.create_task_group() as group:
            for way in running.values():
                group.start_soon(way.start)
        healthy = {name: partial(_already, way) for name, way in running.items()}
        await interleave(bench, healthy, rounds=bench.rounds(15, 1), warmup=bench.rounds(1, 0))
    finally:
        await ours.leave()
        for way in ways.values():
            if way is not ours:
                await way.remove()


async def _from_absent(way: Contender) -> Sample:
    await way.remove()
    sample = await measured_start(way)
    await way.stop()
    return _named(sample, "absent → healthy")


async def _from_stopped(way: Contender) -> Sample:
    sample = await measured_start(way)
    await way.stop()
    return _named(sample, "stopped → healthy")


async def _already(way: Contender) -> Sample:
    return _named(await measured_repeat(way), "already healthy")


def _named(sample: Sample, metric: str) -> Sample:
    values = {metric if name == "to healthy" else f"{metric}, {name}": value for name, value in sample.values.items()}
    return Sample(values, sample.bars if metric == "stopped → healthy" else ())

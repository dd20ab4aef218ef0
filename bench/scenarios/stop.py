"""Stopping and restarting the proxy while the database keeps running."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bench.probe import first_answer
from bench.runner import Recorder, Sample, interleave
from bench.scenarios.build import seed_image
from bench.stacks import Ours, our_compose, seed_compose

if TYPE_CHECKING:
    from bench.stacks import ComposeUp

NAME = "stop"
TITLE = "Stop and restart"
BASELINE = "docker compose"

SEED = "the seed's compose file"


async def run(bench: Recorder) -> None:
    """Stop and restart each contender. A restart ends when the proxy is healthy again."""
    workspace = bench.workspace
    await workspace.image()
    ours, compose = Ours(workspace), our_compose(workspace, "compose")
    ways: dict[str, ComposeUp] = {}
    if bench.quick:
        bench.note("A quick run measures run-claude only.")
    else:
        ways[BASELINE] = compose
        ways[SEED] = seed_compose(workspace, "seed", await seed_image(workspace))
    try:
        measures = {"run-claude": partial(_ours, ours), **{name: partial(_compose, way) for name, way in ways.items()}}
        await interleave(bench, measures, rounds=bench.rounds(7, 1), at_most={SEED: 3})
    finally:
        await ours.leave()
        for way in ways.values():
            await way.remove()


async def _ours(way: Ours) -> Sample:
    await way.start()
    restart = await way.call("proxy", "restart")
    stop = await way.call("proxy", "stop")
    return Sample({"stop": ("s", stop.seconds), "restart → healthy": ("s", restart.seconds)})


async def _compose(way: ComposeUp) -> Sample:
    await way.call("up", "--detach")
    await first_answer(way.port)
    restart = await way.call("restart", "litellm")
    wait = await way.call("up", "--detach", "--wait", "litellm")
    stop = await way.call("stop", "litellm")
    return Sample({"stop": ("s", stop.seconds), "restart → healthy": ("s", restart.seconds + wait.seconds)})

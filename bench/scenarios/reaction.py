"""From a change on the engine until a watcher knows: events compared to polling."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import anyio

from bench.docker import docker, inspect
from bench.dummies import Dummies, dummies
from bench.processes import BenchError
from run_claude.domain.lifecycle import Phase, Service, Transition
from run_claude.stack import Stack

if TYPE_CHECKING:
    from bench.runner import Recorder

NAME = "reaction"
TITLE = "Reaction to a change"
BASELINE = "run-claude"

METRIC = "event → transition"
_WITHIN = 10.0  # seconds in which a change must have been seen


class Watcher:
    """The transitions of one service, as a Stack reports them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.delays: list[float] = []
        self.phase: Phase | None = None
        self.at_ns = 0
        self._changed = anyio.Event()

    async def follow(self, stack: Stack) -> None:
        """Record every transition with its time of arrival."""
        async for transition in stack.transitions():
            now = time.time_ns()
            if isinstance(transition, Transition) and transition.service is self._service and transition.at_ns:
                self.delays.append((now - transition.at_ns) / 1e9)
                self.phase, self.at_ns = transition.after.phase, transition.at_ns
                self._changed.set()
                self._changed = anyio.Event()

    async def until(self, phase: Phase) -> None:
        """Wait until a transition to a phase was reported.

        :raises BenchError: if it does not
        """
        with anyio.move_on_after(_WITHIN):
            while self.phase is not phase:
                await self._changed.wait()
            return
        raise BenchError(f"no transition to {phase} within {_WITHIN:g} s")


async def run(bench: Recorder) -> None:
    """Pause and unpause, make healthy and unhealthy, and measure who notices when."""
    async with dummies(bench.workspace, "reaction", probes_every="100ms") as made, Stack.open(made.settings) as stack:
        health, pauses = Watcher(Service.LITELLM), Watcher(Service.TIMESCALEDB)
        async with anyio.create_task_group() as group:
            await stack.session.observe()
            group.start_soon(health.follow, stack)
            group.start_soon(pauses.follow, stack)
            await _health(bench, made, health, bench.rounds(60, 3))
            await _pauses(bench, made, pauses, bench.rounds(200, 5))
            for seconds, rounds in ((0.5, bench.rounds(40, 2)), (2.0, bench.rounds(15, 1))):
                await _polled(bench, made, health, seconds, rounds)
            group.cancel_scope.cancel()


async def _health(bench: Recorder, made: Dummies, watcher: Watcher, rounds: int) -> None:
    for number in range(rounds):
        bench.say(f"health event {number + 1}/{rounds}")
        for healthy in (False, True):
            await made.set_health(healthy=healthy)
            await watcher.until(Phase.HEALTHY if healthy else Phase.UNHEALTHY)
    bench.record(BASELINE, METRIC, "s", *watcher.delays)
    watcher.delays.clear()


async def _pauses(bench: Recorder, made: Dummies, watcher: Watcher, rounds: int) -> None:
    for number in range(rounds):
        bench.say(f"pause {number + 1}/{rounds}")
        await _pause(made.names[Service.TIMESCALEDB])
        await watcher.until(Phase.PAUSED)
        await docker("unpause", made.names[Service.TIMESCALEDB])
        await watcher.until(Phase.UNHEALTHY)  # as the engine has it until the next probe
    bench.record(BASELINE, "pause → transition", "s", *watcher.delays)
    watcher.delays.clear()


async def _pause(container: str) -> None:
    """Pause a container; the engine refuses now and then ("unable to freeze") while a probe starts in it."""
    for attempt in range(5):
        try:
            await docker("pause", container)
        except BenchError as error:
            if "unable to freeze" not in str(error) or attempt == 4:
                raise
        else:
            return


async def _polled(bench: Recorder, made: Dummies, watcher: Watcher, seconds: float, rounds: int) -> None:
    """Measure a poller that inspects every ``seconds``. The engine's time of the change comes from our watcher."""
    container = made.names[Service.LITELLM]
    contender = f"polling every {seconds:g} s"
    healthy = True
    for number in range(rounds):
        bench.say(f"{contender} ({number + 1}/{rounds})")
        healthy = not healthy
        wanted = Phase.HEALTHY if healthy else Phase.UNHEALTHY
        async with anyio.create_task_group() as group:
            group.start_soon(_change, made, healthy, random.uniform(0, seconds))  # noqa: S311 (a phase, no secret)
            while True:
                row = await inspect("container", container)
                if row is not None and row["State"]["Health"]["Status"] == wanted.value:
                    break
                await anyio.sleep(seconds)
            seen_ns = time.time_ns()
            await watcher.until(wanted)
        bench.record(contender, METRIC, "s", max(0.0, (seen_ns - watcher.at_ns) / 1e9))
    watcher.delays.clear()


async def _change(made: Dummies, healthy: bool, after: float) -> None:
    await anyio.sleep(after)
    await made.set_health(healthy=healthy)

"""Two thousand events at once: is any lost, and is the state right afterwards?

A real engine makes some hundred events of these two containers in a second; so a second run takes an engine that is
staged (the tests' own, on a socket) and says all of them in one write.
"""

from __future__ import annotations

import itertools
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx

from bench.docker import inspect
from bench.dummies import Dummies, dummies
from bench.processes import BenchError
from run_claude.docker.api import EngineApi
from run_claude.docker.endpoint import Endpoint
from run_claude.docker.events import EngineStream
from run_claude.docker.observer import Observer
from run_claude.domain.lifecycle import ContainerEvent, Phase, Service, Snapshot, phase_of
from run_claude.stack import Stack
from tests.fake.engine import FakeEngine

if TYPE_CHECKING:
    from bench.runner import Recorder

NAME = "burst"
TITLE = "A burst of 2,000 events"
BASELINE = ""

EVENTS = 2000
STAGED = "run-claude, staged engine"
_CALLERS = 8
_SETTLE_WITHIN = 10.0  # seconds


async def run(bench: Recorder) -> None:
    """Make many events on the stack's containers, end in a random state, and compare."""
    async with dummies(bench.workspace, "burst", probes_every="30s") as made, Stack.open(made.settings) as stack:
        observer = await stack.session.observe()
        events = bench.rounds(EVENTS, 400)
        if bench.quick:
            bench.note(f"A quick run has the real engine make {events} events; the staged one makes all {EVENTS:,}.")
        for number in range(bench.rounds(5, 1)):
            bench.say(f"round {number + 1}")
            counter = _Counter()
            async with EngineStream.connect(stack.session.endpoint) as stream, anyio.create_task_group() as group:
                since_ns = await stack.session.api.time_ns()
                group.start_soon(stream.feed, made.settings.instance, since_ns, counter.take)
                began = time.perf_counter()
                await _rain(stack, made, events)
                rate = events / (time.perf_counter() - began)
                await _last_word(stack, made)
                ended = time.perf_counter()
                expected = await _truth(made)

                def agrees(snapshot: Snapshot, expected: dict[Service, Phase] = expected) -> bool | None:
                    return all(snapshot[service].phase is phase for service, phase in expected.items()) or None

                with anyio.move_on_after(_SETTLE_WITHIN) as settling:
                    await observer.wait_for(agrees)
                    bench.record("run-claude", "settled after the last call", "s", time.perf_counter() - ended)
                await counter.until(events + len(Service))
                group.cancel_scope.cancel()
            bench.record("run-claude", "wrong final states", "", float(settling.cancelled_caught))
            bench.record("run-claude", "events lost", "", float(events + len(Service) - counter.renames))
            bench.record("the engine", "events made", "/s", rate)
            await _running(stack, made)
    for number in range(bench.rounds(20, 1)):
        bench.say(f"staged, round {number + 1}")
        await _at_once(bench, random.Random(number))  # noqa: S311 (a storm, no secret)


async def _at_once(bench: Recorder, chance: random.Random) -> None:
    """Let a staged engine send all events in one write, each with another state behind it."""
    folder = Path(tempfile.mkdtemp(prefix="rc-bench-"))
    phases = [Phase.STARTING, Phase.HEALTHY, Phase.UNHEALTHY, Phase.PAUSED, Phase.EXITED, Phase.RESTARTING]
    words = ["start", "die", "kill", "stop", "pause", "unpause", "oom", "health_status: healthy"]
    endpoint = Endpoint(f"unix://{folder}/docker.sock")
    async with (
        FakeEngine(folder / "docker.sock") as engine,
        EngineApi.connect(endpoint) as api,
        EngineStream.connect(endpoint) as stream,
        anyio.create_task_group() as group,
    ):
        both = [engine.container(service) for service in Service]
        observer = Observer(api, stream, "test")
        group.start_soon(observer.run)
        await engine.until(lambda engine: bool(engine.watchers))
        await observer.refresh()
        before = engine.requests.total()
        for _ in range(EVENTS):
            container = chance.choice(both)
            container.becomes(chance.choice(phases))
            container.says(chance.choice(words))
        ended = time.perf_counter()
        expected = {container.service: container.phase for container in both}

        def agrees(now: Snapshot) -> bool | None:
            return all(now[service].phase is phase for service, phase in expected.items()) or None

        with anyio.move_on_after(_SETTLE_WITHIN) as settling:
            await observer.wait_for(agrees)
            bench.record(STAGED, "settled after the last call", "s", time.perf_counter() - ended)
        last = await observer.refresh()
        wrong = settling.cancelled_caught or not agrees(last)
        bench.record(STAGED, "wrong final states", "", float(wrong))
        bench.record(STAGED, "requests for all of them", "", float(engine.requests.total() - before))
        group.cancel_scope.cancel()
    shutil.rmtree(folder)


class _Counter:
    def __init__(self) -> None:
        self.renames = 0
        self._more = anyio.Event()

    def take(self, event: ContainerEvent) -> None:
        """Count the events of the burst."""
        if event.action == "rename":
            self.renames += 1
            self._more.set()

    async def until(self, count: int) -> None:
        with anyio.move_on_after(_SETTLE_WITHIN):
            while self.renames < count:
                self._more = anyio.Event()
                await self._more.wait()


async def _rain(stack: Stack, made: Dummies, events: int) -> None:
    """Rename the containers repeatedly: the cheapest way to make the engine send an event."""
    numbers = itertools.count()

    async def caller(client: httpx.AsyncClient, name: str, container: str) -> None:
        for _ in range(events // _CALLERS):
            await _post(client, f"/containers/{container}/rename?name={name}-{next(numbers)}")  # a name that is ours

    async with _client(stack) as client:
        ids = {name: (await _inspected(name))["Id"] for name in made.names.values()}
        async with anyio.create_task_group() as group:
            for _, (name, container) in zip(range(_CALLERS), itertools.cycle(ids.items()), strict=False):
                group.start_soon(caller, client, name, container)
        for name, container in ids.items():
            await _post(client, f"/containers/{container}/rename?name={name}")


async def _last_word(stack: Stack, made: Dummies) -> None:
    async with _client(stack) as client:
        for name in made.names.values():
            for action in random.sample(["pause", "stop?t=0"], random.randint(0, 1)):  # noqa: S311
                await _post(client, f"/containers/{name}/{action}")


async def _running(stack: Stack, made: Dummies) -> None:
    async with _client(stack) as client:
        for name in made.names.values():
            if (await _inspected(name))["State"]["Paused"]:
                await _post(client, f"/containers/{name}/unpause")
            await _post(client, f"/containers/{name}/start")


async def _post(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path)
    if answer.status_code >= 400:
        raise BenchError(f"the engine refused {path}: {answer.text.strip()}")


async def _truth(made: Dummies) -> dict[Service, Phase]:
    """Ask the docker client, as an independent witness."""
    found = {}
    for service, name in made.names.items():
        state = (await _inspected(name))["State"]
        found[service] = phase_of(state["Status"], (state.get("Health") or {}).get("Status", ""))
    return found


async def _inspected(name: str) -> dict[str, Any]:
    row = await inspect("container", name)
    if row is None:
        raise BenchError(f"container {name} is gone")
    return row


def _client(stack: Stack) -> httpx.AsyncClient:
    socket = stack.session.endpoint.socket
    transport = httpx.AsyncHTTPTransport(uds=str(socket)) if socket else None
    base = "http://docker" if socket else stack.session.endpoint.url
    return httpx.AsyncClient(transport=transport, base_url=base, timeout=30)

"""What the observer owes on a real engine that is stopped, killed, frozen and cut off; here nobody heals."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.to_thread import run_sync

from run_claude.docker import observer as observer_module
from run_claude.docker.api import EngineApi
from run_claude.docker.endpoint import Endpoint
from run_claude.docker.events import EngineStream
from run_claude.docker.observer import Observer
from run_claude.domain import timeouts

from .oracle import BOTH
from .proxy import CuttingProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from run_claude.domain.lifecycle import Snapshot

    from .engine import OwnEngine
    from .stack import FaultyStack

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(240)]


@asynccontextmanager
async def observing(stack: FaultyStack, host: str = "") -> AsyncIterator[Observer]:
    endpoint = Endpoint(host or stack.extra["DOCKER_HOST"])
    async with EngineApi.connect(endpoint) as api, EngineStream.connect(endpoint) as stream:
        observer = Observer(api, stream, stack.name)
        async with anyio.create_task_group() as group:
            group.start_soon(observer.run)
            yield observer
            group.cancel_scope.cancel()


async def until(observer: Observer, done: Callable[[Snapshot], bool], *, within: float = 30) -> Snapshot:
    with anyio.fail_after(within):
        return await observer.wait_for(lambda now: now if done(now) else None)


async def agrees(observer: Observer, stack: FaultyStack) -> None:
    """Assert that it sees what docker says. Something may be changing still: then docker is asked again."""
    wrong, now = [""], observer.snapshot
    for _ in range(20):
        await until(observer, lambda now: not now.lost)
        phases, identity = await run_sync(stack.oracle.phases), await run_sync(stack.oracle.identity)
        await anyio.sleep(0.05)  # the events of it
        now = observer.snapshot
        assert now is not None
        seen = {"timescaledb": now.timescaledb, "litellm": now.litellm}
        wrong = [
            f"{service}: sees {state.phase} {state.id[:12]}, is {phases[service]} {identity[service]}"
            for service, state in seen.items()
            if state.phase.value != phases[service] or state.id != (identity[service] or ("",))[0]
        ]
        if not wrong:
            return
        unchanged = (phases, identity) == (await run_sync(stack.oracle.phases), await run_sync(stack.oracle.identity))
        if unchanged and not now.lost:
            break
    raise AssertionError(f"{wrong}; {now}")


def engine_of(stack: FaultyStack) -> OwnEngine:
    assert stack.engine is not None
    return stack.engine


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_an_engine_that_goes_and_comes_back_is_seen_as_it_is(own: FaultyStack, end: str) -> None:
    engine = engine_of(own)
    async with observing(own) as observer:
        await until(observer, lambda now: not now.lost)
        await run_sync(getattr(engine, end))
        await until(observer, lambda now: bool(now.lost))
        await run_sync(engine.start)
        await until(observer, lambda now: not now.lost)
        await agrees(observer, own)
        await run_sync(own.start)
        await agrees(observer, own)


async def test_a_frozen_engine_is_unknown_until_it_thaws(own: FaultyStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer_module, "HEARTBEAT", 0.5)
    monkeypatch.setattr(timeouts, "ENGINE_LOOK", 1.0)
    engine = engine_of(own)
    async with observing(own) as observer:
        await until(observer, lambda now: not now.lost)
        engine.freeze()
        await until(observer, lambda now: bool(now.lost))
        engine.thaw()
        await until(observer, lambda now: not now.lost)
        await agrees(observer, own)


async def test_a_hundred_cuts_among_a_hundred_changes_lose_nothing(
    own: FaultyStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer_module, "_BACKOFF_REACHED", 0.02)
    chance = random.Random(7)  # noqa: S311 (a run that can be repeated)
    engine = engine_of(own)
    changes = (["kill"], ["start"], ["restart", "--time=0"], ["stop", "--time=0"])
    with CuttingProxy(engine.socket.with_name("proxy.sock"), str(engine.socket)) as proxy:
        async with observing(own, proxy.host) as observer:
            await until(observer, lambda now: not now.lost)
            cuts = 0
            for number in range(100):
                await until(observer, lambda now: not now.lost)
                container = own.container(chance.choice(BOTH))
                command = chance.choice(changes)
                await run_sync(partial(own.docker, *command, container, check=False))
                cuts += await run_sync(proxy.cut)
                if number % 5 == 4:
                    await agrees(observer, own)
    assert cuts > 50  # now and then a cut comes before the stream

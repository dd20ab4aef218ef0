"""An observer in the test's own process: what it sees is held against what docker says."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from run_claude.docker.api import EngineApi
from run_claude.docker.endpoint import Endpoint
from run_claude.docker.events import EngineStream
from run_claude.docker.observer import Observer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from run_claude.domain.lifecycle import Snapshot

    from .stack import FaultyStack

__all__ = ["agrees", "observing", "until"]


@asynccontextmanager
async def observing(stack: FaultyStack, host: str = "") -> AsyncIterator[Observer]:
    """Yield the running observer of a stack."""
    endpoint = Endpoint(host or stack.extra["DOCKER_HOST"])
    async with EngineApi.connect(endpoint) as api, EngineStream.connect(endpoint) as stream:
        observer = Observer(api, stream, stack.name)
        async with anyio.create_task_group() as group:
            group.start_soon(observer.run)
            yield observer
            group.cancel_scope.cancel()


async def until(observer: Observer, done: Callable[[Snapshot], bool], *, within: float = 30) -> Snapshot:
    """Wait for a snapshot."""
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

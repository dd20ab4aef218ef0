"""Waiting for what an observer sees, never longer than a busy machine may take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from run_claude.domain.lifecycle import Phase, Snapshot, Transition

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from run_claude.docker.observer import Observer, Subscription

    from .engine import FakeEngine

    Observing = Callable[[FakeEngine], AbstractAsyncContextManager[Observer]]

__all__ = ["open_files", "transition_to", "until", "until_litellm", "until_watched"]

WITHIN = 30.0  # seconds


def open_files() -> int:
    """Return how many files and sockets this process has open."""
    return sum(1 for _ in Path("/dev/fd").iterdir())


async def until(observer: Observer, done: Callable[[Snapshot], bool]) -> Snapshot:
    """Return the first snapshot that fits; fail after half a minute."""
    with anyio.fail_after(WITHIN):
        return await observer.wait_for(lambda now: now if done(now) else None)


async def until_litellm(observer: Observer, phase: Phase) -> Snapshot:
    """Return the first snapshot with LiteLLM in the phase."""
    return await until(observer, lambda now: now.litellm.phase is phase)


async def until_watched(engine: FakeEngine, observer: Observer) -> Snapshot:
    """Return once there is a snapshot, and the engine has the subscription."""
    snapshot = await until(observer, lambda now: not now.lost)
    with anyio.fail_after(WITHIN):
        await engine.until(lambda engine: bool(engine.watchers))
    return snapshot


async def transition_to(seen: Subscription, phase: Phase) -> Transition:
    """Return the next transition to the phase."""
    with anyio.fail_after(WITHIN):
        async for transition in seen:
            if isinstance(transition, Transition) and transition.after.phase is phase:
                return transition
    raise AssertionError("the subscription ended")

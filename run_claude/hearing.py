"""What the watcher hears of the engine: each event once, and its own stops not as somebody's purpose."""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from run_claude.core.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from run_claude.core.lifecycle import ContainerEvent, Service
    from run_claude.engine.api import EngineApi

__all__ = ["Hearing"]


@dataclass(frozen=True, slots=True)
class _OwnStop:
    """From when to when we may have stopped a service, by the engine's clock."""

    service: Service
    begin_ns: int
    end_ns: int

    def made(self, event: ContainerEvent) -> bool:
        return event.action == "stop" and event.service is self.service and self.begin_ns <= event.at_ns <= self.end_ns


class Hearing:
    """Sorts what an observer hears."""

    def __init__(self, api: EngineApi) -> None:
        self._api = api
        self._heard: set[ContainerEvent] = set()
        self._own: deque[_OwnStop] = deque(maxlen=16)

    def take_as_ours(self, service: Service, until_ns: int) -> None:
        """Take every stop of the service until then (the engine's clock) as ours: what another watcher has done."""
        self._own.append(_OwnStop(service, 0, until_ns))

    def fresh(self, heard: Iterable[ContainerEvent]) -> list[ContainerEvent]:
        """Return what was not there at the last call, without the stops that we have made."""
        now = set(heard)
        fresh, self._heard = now - self._heard, now
        return [event for event in fresh if not any(own.made(event) for own in self._own)]

    def forget(self) -> None:
        """Take what is heard after the next connection as new: a stop that the engine replays then was somebody's."""
        self._heard = set()

    @asynccontextmanager
    async def stopping(self, service: Service) -> AsyncIterator[None]:
        """Take a stop of the service in this block as ours."""
        begin_ns = await self._api.time_ns()
        try:
            yield
        finally:
            await self.stopped(service, begin_ns)

    async def stopped(self, service: Service, begin_ns: int) -> None:
        """Take a stop of the service since ``begin_ns`` (the engine's clock) as ours."""
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + 5), suppress(EngineError):
            self._own.append(_OwnStop(service, begin_ns, await self._api.time_ns()))

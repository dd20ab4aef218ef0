"""The engine's events as the watcher takes them: each once, without the stops that it or the engine has caused."""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from run_claude.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from run_claude.docker.api import EngineApi
    from run_claude.docker.observer import Observer
    from run_claude.domain.lifecycle import ContainerEvent, Service

__all__ = ["OwnStops"]


@dataclass(frozen=True, slots=True)
class _OwnStop:
    """From when to when we may have stopped a service, by the engine's clock."""

    service: Service
    begin_ns: int
    end_ns: int

    def made(self, event: ContainerEvent) -> bool:
        return event.action == "stop" and event.service is self.service and self.begin_ns <= event.at_ns <= self.end_ns


class OwnStops:
    """Tells the user's stops from all others.

    An engine stops containers when it ends, and when it starts those that have outlived it; the user has not asked for
    that. So a stop from a time without a connection counts as the user's only if the engine is still the same: it is
    if it replays an event from before. A new one has forgotten everything.
    """

    def __init__(self, api: EngineApi) -> None:
        self._api = api
        self._seen: set[ContainerEvent] = set()
        self._own: deque[_OwnStop] = deque(maxlen=16)
        self._connected_ns = 0  # which connection the events seen are of
        self._last_before: ContainerEvent | None = None  # the last event of an earlier connection
        self._same = False  # this connection is to the engine of the one before
        self._engine_ns = 0  # stops up to here were the engine's, whatever this connection turns out to be

    def take_as_ours(self, service: Service, until_ns: int) -> None:
        """Take every stop of the service until then (the engine's clock) as ours: another watcher's."""
        self._own.append(_OwnStop(service, 0, until_ns))

    def fresh(self, observer: Observer) -> list[ContainerEvent]:
        """Return the events since the last call, without the stops that we or the engine itself have caused.

        While the engine is out of reach the observer still holds the events of the connection that has ended: they
        say nothing about the next engine.
        """
        now = set(observer.heard)
        if observer.connected_ns != self._connected_ns:
            self._reconnected(observer.connected_ns)
        if not self._same and self._last_before in now:
            self._same, self._seen = True, set()
        fresh, self._seen = now - self._seen, now
        return [event for event in fresh if event.action != "stop" or self._is_users(event)]

    def _is_users(self, stop: ContainerEvent) -> bool:
        engines = self._engine_ns if self._same else self._connected_ns
        return stop.at_ns > engines and not any(own.made(stop) for own in self._own)

    def _reconnected(self, connected_ns: int) -> None:
        if not self._same:
            self._engine_ns = self._connected_ns
        if self._seen:
            self._last_before = max(self._seen, key=lambda event: event.at_ns)
        self._connected_ns, self._seen, self._same = connected_ns, set(), False

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

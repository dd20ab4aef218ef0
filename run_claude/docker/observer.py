"""Keep one snapshot of the stack true, from the engine's events, whatever the engine does.

            /events ──► feed ──► dirty            an event only says where to look
                                   │  coalesces
                                   ▼
                      inspect one, or list all    a look says what is true
                                   │  differs?
                                   ▼
                 snapshot, transitions ──► waiters and subscribers

Subscribe with ``since``, look, follow. If the stream ends or breaks, or the engine does not answer, the state is
unknown: reconnect with back-off and look again. Three checks find what no event reported:

- every ``RESYNC`` seconds, list all. A stream that missed what this finds is replaced;
- every ``HEARTBEAT`` seconds, ping: finds an engine that is frozen or behind a dead connection;
- when the wall clock jumps, list all: a laptop slept, or the clock was set.
"""

from __future__ import annotations

import random
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import anyio

from run_claude.docker.inspect import snapshot_of
from run_claude.docker.process import first_error
from run_claude.domain import timeouts
from run_claude.domain.diagnosis import engine_frozen
from run_claude.domain.lifecycle import Snapshot, Transition
from run_claude.domain.transitions import transitions
from run_claude.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from typing import Self

    from run_claude.docker.api import EngineApi
    from run_claude.docker.events import EngineStream
    from run_claude.docker.inspect import Found
    from run_claude.domain.lifecycle import ContainerEvent

__all__ = ["Missed", "Observer", "Subscription"]

T = TypeVar("T")

RESYNC = 30.0  # seconds between two full looks
HEARTBEAT = 10.0  # seconds between pings; a dead engine looks alive for at most this plus ENGINE_LOOK
CLOCK_JUMP = 2.0  # seconds that the wall clock may stray from the monotonic clock between two heartbeats
_wall_clock = time.time
_OVERLAP_NS = 30_000_000_000  # replayed on each connection; a replay only causes a look
_BACKOFF_FIRST, _BACKOFF_MAX = 0.1, 5.0  # seconds
_BACKOFF_REACHED = 0.5  # seconds; the maximum after a connection over which a look had succeeded
_GOOD_SPELL = 2.0  # seconds that a connection must hold to reset the back-off
_BUFFERED = 1024  # transitions a subscriber may lag behind
_EARLY_NS = 10_000_000_000  # an `oom` precedes the exit that it explains by up to half a second
_EVIDENCE = 4096  # events kept for one look; the newest explain it best

# After these, a container has come, gone or been renamed: list all. Any other event concerns a known container, and
# inspecting that one takes 0.8 ms instead of 2.5 ms.
_LISTED = frozenset({"create", "destroy", "rename"})


@dataclass(frozen=True, slots=True)
class Missed:
    """A subscriber was too slow: ``count`` transitions are missing in its stream. The snapshot is still right."""

    count: int


class Subscription:
    """The transitions since the subscription began, for one reader. Never blocks the observer."""

    def __init__(self) -> None:
        self._queue: deque[Transition] = deque()
        self._missed = 0
        self._filled = anyio.Event()

    def put(self, transition: Transition) -> None:
        """Add a transition. If the reader lags too far behind, the oldest is dropped and counted."""
        if len(self._queue) == _BUFFERED:
            self._queue.popleft()
            self._missed += 1
        self._queue.append(transition)
        self._filled.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Transition | Missed:
        while not self._queue:
            self._filled = anyio.Event()
            await self._filled.wait()
        if self._missed:
            missed, self._missed = Missed(self._missed), 0
            return missed
        return self._queue.popleft()


class Observer:
    """The current snapshot of a Compose project. :meth:`run` it in a task group; then wait, refresh, subscribe."""

    def __init__(self, api: EngineApi, stream: EngineStream, project: str) -> None:
        self._api = api
        self._stream = stream
        self._project = project
        self.snapshot: Snapshot | None = None  # None until the first look
        self._containers: dict[str, Found] = {}  # as last inspected, by ID
        self._dirty = anyio.Event()
        self._dirty_all = False
        self._dirty_ids: set[str] = set()
        self._silent = False  # a look found what no event had reported, and no event has come since
        self._changed = anyio.Event()
        self._events: deque[ContainerEvent] = deque(maxlen=_EVIDENCE)
        self.recent: deque[ContainerEvent] = deque(maxlen=64)  # evidence for a diagnosis, never for the state
        # All events of this connection, replayed ones included: a restarted engine has forgotten earlier ones.
        self.heard: deque[ContainerEvent] = deque(maxlen=_EVIDENCE)
        self._early: list[ContainerEvent] = []  # evidence for changes that no look has seen yet
        self._last_event_ns = 0
        self.connected_ns = 0  # when this connection began, by the engine's clock
        self._resumed_ns = 0  # events up to here were reported before this connection
        self._asked = 0  # looks asked for by refresh()
        self._answered = 0
        self._subscriptions: list[Subscription] = []

    async def run(self) -> None:
        """Observe until cancelled."""
        delay = _BACKOFF_FIRST
        while True:
            began = anyio.current_time()
            try:
                if await self._connection():
                    continue  # only the stream was bad: the snapshot still holds
                reason = "the engine ended the event stream"
            except EngineError as error:
                reason = error.message
            reached = self.snapshot is not None and not self.snapshot.lost
            self._publish(Snapshot.out_of_reach(reason), ())
            # Only a connection that held for a while resets the back-off: one successful look is no recovery. But an
            # engine that answers, and cuts the stream again and again, is there: reconnect sooner than to a dead one.
            held = anyio.current_time() - began >= _GOOD_SPELL
            delay = _BACKOFF_FIRST if held else min(delay * 2, _BACKOFF_REACHED if reached else _BACKOFF_MAX)
            await anyio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 (jitter, no secret)

    async def _connection(self) -> bool:
        """Observe over one connection until it ends or fails; return whether its stream was given up as silent."""
        # By the engine's clock; after a cut, from a little before the last event. If the clock was set back meanwhile,
        # that is in the future, and nothing would be replayed.
        now_ns = await _answer(self._api.time_ns())
        self.connected_ns = now_ns
        self._last_event_ns = min(self._last_event_ns or now_ns, now_ns)
        since_ns = self._last_event_ns - _OVERLAP_NS
        self._silent, self._resumed_ns = False, self._last_event_ns
        self.heard.clear()
        ended = False

        async def follow() -> None:
            nonlocal ended
            await self._stream.feed(self._project, since_ns, self._on_event)
            ended = True
            group.cancel_scope.cancel()

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._resync)
                group.start_soon(self._look_when_dirty)
                group.start_soon(follow)
                self._look_at_all()
                await self._until_silent()
                group.cancel_scope.cancel()
        except BaseExceptionGroup as errors:
            if (error := first_error(errors, EngineError)) is None:
                raise
            raise error from None
        return not ended

    def _look_at_all(self) -> None:
        self._dirty_all = True
        self._dirty.set()

    def _on_event(self, event: ContainerEvent) -> None:
        self._last_event_ns = max(self._last_event_ns, event.at_ns)
        self._silent = False
        self.heard.append(event)
        if event.at_ns > self._resumed_ns:
            self._events.append(event)
            self.recent.append(event)
        if event.action in _LISTED or event.container_id not in self._containers:
            self._dirty_all = True
        else:
            self._dirty_ids.add(event.container_id)
        self._dirty.set()

    async def _resync(self) -> None:
        while True:
            await anyio.sleep(RESYNC)
            self._look_at_all()

    async def _until_silent(self) -> None:
        """Ping; return when the stream does not report what happens.

        :raises EngineError: if the engine does not answer
        """
        while True:
            suspected, strayed = self._silent, _wall_clock() - anyio.current_time()
            await anyio.sleep(HEARTBEAT)
            await _answer(self._api.ping())
            if suspected and self._silent:
                return
            if abs(_wall_clock() - anyio.current_time() - strayed) > CLOCK_JUMP:
                self._look_at_all()

    async def _look_when_dirty(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty = anyio.Event()
            asked, everything = self._asked, self._dirty_all
            events, ids = list(self._events), self._dirty_ids
            self._events.clear()
            self._dirty_all, self._dirty_ids = False, set()
            if everything or not ids:
                self._containers = await _answer(self._api.containers(self._project))
                self._answered = asked
            else:
                for id in ids:
                    if (container := await _answer(self._api.container(id))) is None:
                        self._containers.pop(id, None)
                    else:
                        self._containers[id] = container
            self._publish(snapshot_of(self._containers.values()), events)

    def _publish(self, snapshot: Snapshot, events: Sequence[ContainerEvent]) -> None:
        before, self.snapshot = self.snapshot, snapshot
        if before is not None:
            evidence = [*self._early, *events]
            changes = transitions(before, snapshot, evidence)
            changed = {transition.service for transition in changes}
            newest = max((event.at_ns for event in evidence), default=0)
            self._early = [e for e in evidence if e.service not in changed and newest - e.at_ns < _EARLY_NS]
            # Only suspicious: the event may be on its way, and has until the next heartbeat.
            self._silent = self._silent or bool(changes and not events and not before.lost)
            for transition in changes:
                for subscription in self._subscriptions:
                    subscription.put(transition)
        self._changed.set()
        self._changed = anyio.Event()

    async def wait_for(self, done: Callable[[Snapshot], T | None]) -> T:
        """Return the first result of ``done`` that is not ``None``, for the current snapshot, then for each newer one.

        It has no time-out: use a cancel scope.
        """
        while True:
            changed = self._changed
            if self.snapshot is not None and (result := done(self.snapshot)) is not None:
                return result
            await changed.wait()

    async def refresh(self) -> Snapshot:
        """Return a snapshot from a look that began after this call. Waits while the engine is out of reach."""
        self._asked += 1
        ticket = self._asked
        self._look_at_all()

        def answered(snapshot: Snapshot) -> Snapshot | None:
            return snapshot if self._answered >= ticket and not snapshot.lost else None

        return await self.wait_for(answered)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Yield a subscription to the transitions from now on."""
        subscription = Subscription()
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)


async def _answer(call: Awaitable[T]) -> T:
    """Return the engine's answer within ``ENGINE_LOOK``.

    :raises EngineError: if there is none in that time
    """
    try:
        with anyio.fail_after(timeouts.ENGINE_LOOK):
            return await call
    except TimeoutError as error:
        raise engine_frozen(timeouts.ENGINE_LOOK) from error

"""The observer: keeps one snapshot of the stack true, from the engine's events, through everything an engine does.

            /events ──► feed ──► dirty            an event only says *look*
                                   │  coalesces
                                   ▼
                        look: list and inspect    the look says what *is*
                                   │  differs?
                                   ▼
                 snapshot, transitions ──► waiters and subscribers

Subscribe with ``since``, look, follow. A stream that ends, breaks, or an engine that does not answer a look:
nothing is known any more, reconnect with back-off, look again. A look every ``RESYNC`` seconds finds what no event
told, and is the heartbeat of a silent stream at the same time.
"""

from __future__ import annotations

import random
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import anyio

from run_claude.core.diagnosis import engine_frozen
from run_claude.core.errors import EngineError
from run_claude.core.lifecycle import Snapshot, Transition, transitions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from typing import Self

    from run_claude.core.lifecycle import ContainerEvent
    from run_claude.engine.api import EngineApi
    from run_claude.engine.stream import EngineStream

__all__ = ["Missed", "Observer", "Subscription"]

T = TypeVar("T")

RESYNC = 30.0  # seconds; also the longest time for which a dead peer looks alive
LOOK_WITHIN = 5.0  # seconds; a healthy engine takes 2 ms, a frozen one never answers
_OVERLAP_NS = 1_000_000_000  # replayed on each connection: a replay only makes us look
_BACKOFF_FIRST, _BACKOFF_MAX = 0.1, 5.0  # seconds
_GOOD_SPELL = 2.0  # seconds
_BUFFERED = 1024  # transitions a subscriber may lag behind


@dataclass(frozen=True, slots=True)
class Missed:
    """A subscriber was too slow: so many transitions are not in its stream. The snapshot is right all the same."""

    count: int


class Subscription:
    """The transitions since the subscription, for one reader. Never blocks the observer."""

    def __init__(self) -> None:
        self._queue: deque[Transition] = deque()
        self._missed = 0
        self._filled = anyio.Event()

    def put(self, transition: Transition) -> None:
        """Add a transition; the oldest is dropped, and counted, when the reader lags too far behind."""
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
    """One true snapshot of a Compose project. :meth:`run` it in a task group; then wait, refresh, subscribe."""

    def __init__(self, api: EngineApi, stream: EngineStream, project: str) -> None:
        self._api = api
        self._stream = stream
        self._project = project
        self.snapshot: Snapshot | None = None  # None until the first look
        self._dirty = anyio.Event()
        self._changed = anyio.Event()
        self._events: list[ContainerEvent] = []
        self.recent: deque[ContainerEvent] = deque(maxlen=64)  # evidence for a diagnosis, never for a state
        self._last_event_ns = 0
        self._asked = 0  # looks asked for by refresh()
        self._answered = 0
        self._subscriptions: list[Subscription] = []

    async def run(self) -> None:
        """Observe until cancelled."""
        delay = _BACKOFF_FIRST
        while True:
            began = anyio.current_time()
            try:
                await self._connection()
                reason = "the engine ended the event stream"
            except EngineError as error:
                reason = error.message
            self._publish(Snapshot.out_of_reach(reason), ())
            # Only a connection that held for a while starts the back-off anew: one look that succeeds is no recovery.
            held = anyio.current_time() - began >= _GOOD_SPELL
            delay = _BACKOFF_FIRST if held else min(delay * 2, _BACKOFF_MAX)
            await anyio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 (jitter, no secret)

    async def _connection(self) -> None:
        """Observe over one connection, until it ends or fails."""
        # The engine's clock, not ours; after a cut from a little before the last event it told.
        since_ns = (self._last_event_ns or await _answer(self._api.time_ns())) - _OVERLAP_NS
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._resync)
                group.start_soon(self._look_when_dirty)
                self._dirty.set()
                await self._stream.feed(self._project, since_ns, self._on_event)
                group.cancel_scope.cancel()
        except* EngineError as errors:
            raise _first(errors) from None

    def _on_event(self, event: ContainerEvent) -> None:
        self._last_event_ns = max(self._last_event_ns, event.at_ns)
        self._events.append(event)
        self.recent.append(event)
        self._dirty.set()

    async def _resync(self) -> None:
        while True:
            await anyio.sleep(RESYNC)
            self._dirty.set()

    async def _look_when_dirty(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty = anyio.Event()
            asked = self._asked
            events, self._events = self._events, []
            snapshot = await _answer(self._api.look(self._project))
            self._answered = asked
            self._publish(snapshot, events)

    def _publish(self, snapshot: Snapshot, events: Sequence[ContainerEvent]) -> None:
        before, self.snapshot = self.snapshot, snapshot
        if before is not None:
            for transition in transitions(before, snapshot, events):
                for subscription in self._subscriptions:
                    subscription.put(transition)
        self._changed.set()
        self._changed = anyio.Event()

    async def wait_for(self, done: Callable[[Snapshot], T | None]) -> T:
        """Return the first result of ``done`` that is not ``None``: of the snapshot as it is, then of each newer one.

        Bound it with a cancel scope.
        """
        while True:
            changed = self._changed
            if self.snapshot is not None and (result := done(self.snapshot)) is not None:
                return result
            await changed.wait()

    async def refresh(self) -> Snapshot:
        """Return a snapshot of a look that began after this call; waits for an engine that is out of reach."""
        self._asked += 1
        ticket = self._asked
        self._dirty.set()

        def answered(snapshot: Snapshot) -> Snapshot | None:
            return snapshot if self._answered >= ticket and not snapshot.lost else None

        return await self.wait_for(answered)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Yield the transitions from now on."""
        subscription = Subscription()
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)


async def _answer(call: Awaitable[T]) -> T:
    """Return the engine's answer.

    :raises EngineError: if there is none within ``LOOK_WITHIN``
    """
    try:
        with anyio.fail_after(LOOK_WITHIN):
            return await call
    except TimeoutError as error:
        raise engine_frozen(LOOK_WITHIN) from error


def _first(errors: BaseExceptionGroup[EngineError]) -> EngineError:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error

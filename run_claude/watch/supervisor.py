"""The watcher: looks, decides, acts, looks again.

``domain.supervision`` decides and ``watch.healer`` acts; this is the loop around them. What is reported, remembered
and compared lives beside it: ``notices``, ``memory``, ``fingerprint``.
"""

from __future__ import annotations

import random
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from run_claude.domain.causes import caused
from run_claude.domain.diagnosis import engine_frozen
from run_claude.domain.lifecycle import Service, Snapshot
from run_claude.domain.supervision import Act, Blocked, Do, Wait, decide
from run_claude.domain.supervision_memory import (
    Policy,
    attempted,
    blocked,
    intended,
    may_be_stopped,
    noticed,
    settled,
)
from run_claude.errors import BusyError, EngineError, RunClaudeError
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.stack.status import services_of
from run_claude.state import lock
from run_claude.state.intent import Intent, load_intent
from run_claude.watch.fingerprint import fingerprint
from run_claude.watch.healer import Healer, down_together, is_recoverable
from run_claude.watch.memory import KeptMemory
from run_claude.watch.notices import Listener, Notices
from run_claude.watch.own_stops import OwnStops

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from run_claude.config.settings import Settings
    from run_claude.docker.observer import Observer
    from run_claude.domain.supervision import Decision
    from run_claude.stack.session import Session
    from run_claude.state.unfinished import Unfinished

__all__ = ["Listener", "Supervisor", "watching"]

BLOCKED_TICK = 5.0  # seconds between looks whether a file has changed or a port is free, while blocked
TAKE_OVER = 15.0  # seconds that a stop may take which another watcher began before it was killed
IDLE_TICK = 3600.0  # otherwise only changes wake it; the observer looks at all every 30 s
ACT_WITHIN = DEFAULT_TIMEOUT * 2  # seconds for one action
FREE_WITHIN = 1.0  # seconds: a command that asks which process holds the lock has it for a moment


@asynccontextmanager
async def watching(settings: Settings) -> AsyncIterator[None]:
    """Be the one watcher of the instance for the time of the block.

    :raises BusyError: if there is one already
    """
    path = settings.paths.watch_lock_file
    async with AsyncExitStack() as held:
        try:
            await held.enter_async_context(lock.lock(path, "watch", wait=FREE_WITHIN))
        except BusyError as error:
            raise caused(
                "already-watched",
                f"This instance is being watched already, by {lock.holder_of(path) or 'another run-claude watch'}.",
                help="One watcher is enough: end it first, or look at what it does with `run-claude history`.",
            ) from error
        yield


class Supervisor:
    """Keeps what the user wants running. :meth:`run` it below :func:`watching`."""

    def __init__(self, session: Session, listener: Listener, policy: Policy | None = None) -> None:
        self._session = session
        self._policy = policy or Policy()
        self._notices = Notices(listener)
        self._memory = KeptMemory(session.settings.paths.watch_file, self._notices.failed)
        self._intent: Intent | None = None
        self._own_stops = OwnStops(session.api)
        self._healer = Healer(session, self._own_stops)
        self._back_at = 0.0  # when the engine came (back) into reach, by the loop's clock
        self._away = True
        self._acting = False  # the instance's lock is ours

    async def run(self) -> None:
        """Watch until cancelled."""
        observer = await self._session.observe()
        self._take_over()
        with observer.subscribe() as seen:
            async with anyio.create_task_group() as group:
                group.start_soon(self._notices.transitions, seen)
                await self._watch(observer)

    async def _watch(self, observer: Observer) -> None:
        last = await observer.wait_for(lambda snapshot: snapshot)
        while True:
            self._notices.watching(last)
            pause = await self._consider(observer, last)

            def newer(snapshot: Snapshot) -> Snapshot | None:
                return snapshot if snapshot is not last else None  # noqa: B023 (used before it changes)

            with anyio.move_on_after(max(0.0, pause)):
                last = await observer.wait_for(newer)

    def _take_over(self) -> None:
        """Go on where another watcher has ended: the stops that it has made are not the user's."""
        memory = self._memory.now
        longest = memory.last + ACT_WITHIN
        until = min(time.time(), longest) + TAKE_OVER if memory.acting else memory.last
        for service in Service:
            if memory.acting.endswith(service.value) or not memory.acting:
                self._own_stops.take_as_ours(service, int(until * 1e9))
        self._memory.now = replace(memory, acting="")

    # --- one look ---------------------------------------------------------------------------------------------

    async def _consider(self, observer: Observer, snapshot: Snapshot) -> float:
        """Note and decide, act if it has to be; return the seconds until this has to be considered again."""
        if snapshot.lost:
            self._away = True
        elif self._away:
            self._away, self._back_at = False, anyio.current_time()
        decision = self._decision(observer, snapshot)
        if isinstance(decision, Act):
            if (early := self._back_at + self._policy.settle - anyio.current_time()) > 0:
                return early
            try:
                await self._act(observer)
            except (EngineError, BusyError) as error:
                self._notices.failed(error)
                return self._policy.backoff
            return 0.0  # there is a newer look: an action begins with one
        if isinstance(decision, Blocked):
            self._notices.blocked(decision.block)
            return min(BLOCKED_TICK, decision.until - time.time())
        if self._memory.now.block is None:
            self._notices.unblocked()
        self._notices.idle(decision, self._memory.now.last, time.time())
        if isinstance(decision, Wait):
            return decision.until - time.time()
        # No event tells that a command which was to start it again has been killed.
        return IDLE_TICK if self._session.unfinished() is None else BLOCKED_TICK

    def _decision(self, observer: Observer, snapshot: Snapshot) -> Decision:
        now, wanted = time.time(), self._wanted()
        memory = noticed(self._memory.now, snapshot, self._own_stops.fresh(observer), self._policy, now)
        memory = settled(memory, wanted, snapshot, self._policy, now)
        if (left := self._left()) is not None:  # its stops were not the user's purpose: it was to start them again
            memory = replace(memory, stops={at: stop for at, stop in memory.stops.items() if at not in left.services})
        self._memory.keep(memory)
        return decide(
            wanted,
            snapshot,
            memory,
            self._policy,
            now,
            fingerprint=self._fingerprint(memory.block.code if memory.block else ""),
            jitter=random.random(),  # noqa: S311 (no secret)
        )

    def _left(self) -> Unfinished | None:
        """Return what a command has begun and will not finish, because it was killed."""
        return None if not self._acting and self._session.busy() else self._session.unfinished()

    def _wanted(self) -> Sequence[Service]:
        intent = load_intent(self._session.settings.paths.intent_file)[0]
        if intent != self._intent:
            if intent is not None:
                self._memory.now = intended(self._memory.now, intent.at)
                if self._intent is not None:
                    self._notices.intent(intent)
            self._intent = intent
        return services_of(intent.database) if intent is not None and intent.wanted == "up" else ()

    def _fingerprint(self, code: str) -> str:
        return fingerprint(self._session.settings, intended=self._intent.at if self._intent else 0.0, code=code)

    # --- acting -----------------------------------------------------------------------------------------------

    async def _act(self, observer: Observer) -> None:
        """Look again, under the lock of those who start and stop, and do what is to be done then."""
        async with self._session.writing("watch"):
            snapshot = await observer.refresh()
            self._acting = True
            try:
                act = self._decision(observer, snapshot)
            finally:
                self._acting = False
            if not isinstance(act, Act):
                return
            if act.do is not Do.DIAGNOSE:
                memory = attempted(self._memory.now, self._policy, time.time())
                self._memory.keep(replace(memory, acting=f"{act.do} {act.service}"))
            self._notices.action(act, of=self._policy.consecutive_failures)
            began = anyio.current_time()
            try:
                services = self._services(act, snapshot)
                if act.do is not Do.DIAGNOSE:
                    await self._healer.fetch(services)  # a build or a pull may take longer than any action
                with anyio.fail_after(ACT_WITHIN):
                    await self._do(act, snapshot, services)
            except RunClaudeError as error:
                self._failed(act, error)
            except TimeoutError:
                self._failed(act, engine_frozen(ACT_WITHIN))
            else:
                if act.do is not Do.DIAGNOSE:
                    self._notices.healed(act, anyio.current_time() - began)
            self._memory.keep(replace(self._memory.now, acting="", last=time.time()))

    def _services(self, act: Act, snapshot: Snapshot) -> Sequence[Service]:
        if act.do is not Do.UP:
            return [act.service]
        memory, now = self._memory.now, time.time()
        wanted = [
            service
            for service in self._wanted()
            if service not in memory.stops and not may_be_stopped(service, memory, self._policy, now)
        ]
        return down_together(act.service, wanted, snapshot)

    async def _do(self, act: Act, snapshot: Snapshot, services: Sequence[Service]) -> None:
        match act.do:
            case Do.DIAGNOSE:
                memory = self._memory.now
                diagnosed = {**memory.diagnosed, act.service: snapshot[act.service].restarts}
                self._memory.now = replace(memory, diagnosed=diagnosed)
                self._notices.looping(act.service, await self._healer.diagnose(act.service, snapshot))
            case Do.RESTART:
                await self._healer.restart(act.service)
            case Do.UP:
                await self._healer.start(services)

    def _failed(self, act: Act, error: RunClaudeError) -> None:
        if is_recoverable(error):
            self._notices.failed(error, service=act.service.value)
            return
        # The fingerprint is taken now: only a change from here on is a reason to try again.
        mark = self._fingerprint(error.code)
        self._memory.keep(blocked(self._memory.now, error.code, error.message, error.help, mark, time.time()))
        self._notices.failed_for_good(act, error)

"""The watcher: looks, decides, acts, looks again. ``core.supervision`` decides, ``healing`` acts; this is the edge."""

from __future__ import annotations

import random
import time
import zlib
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import anyio

from run_claude.domain.diagnosis import engine_frozen
from run_claude.domain.lifecycle import Service, Snapshot, Transition
from run_claude.domain.supervision import (
    Act,
    Blocked,
    Do,
    Memory,
    Policy,
    Rest,
    Wait,
    attempted,
    blocked,
    decide,
    intended,
    noticed,
    settled,
)
from run_claude.errors import BusyError, ConfigError, EngineError, RunClaudeError
from run_claude.stack.holders import is_free
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.stack.status import services_of
from run_claude.state import lock
from run_claude.state.intent import Intent, load_intent
from run_claude.state.watch_memory import load_memory, save_memory
from run_claude.watch.healer import Healer, down_together, is_mendable
from run_claude.watch.own_stops import OwnStops

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from run_claude.docker.observer import Observer, Subscription
    from run_claude.domain.supervision import Decision
    from run_claude.stack import Stack

__all__ = ["Listener", "Supervisor", "watching"]

BLOCKED_TICK = 5.0  # seconds between looks whether a file has changed or a port is free, while blocked
TAKE_OVER = 15.0  # seconds that a stop may take which another watcher began before it was killed
IDLE_TICK = 3600.0  # otherwise only changes wake it; the observer looks at all every 30 s


class Listener(Protocol):
    """Receives what the watcher tells. Both methods return at once."""

    def transition(self, transition: Transition) -> None:
        """Tell that a service went from one phase to another."""

    def notify(self, event: str, **facts: Any) -> None:
        """Tell what the watcher does: ``watching``, ``action``, ``healed``, ``failed``, ``blocked``, ``unblocked``."""


@asynccontextmanager
async def watching(stack: Stack) -> AsyncIterator[None]:
    """Be the one watcher of the instance for the time of the block.

    :raises BusyError: if there is one already
    """
    path = stack.settings.paths.watch_lock_file
    async with AsyncExitStack() as held:
        try:
            # Whoever asks who holds it has it for a moment.
            await held.enter_async_context(lock.lock(path, "watch", wait=1.0))
        except BusyError as error:
            raise BusyError(
                f"This instance is being watched already, by {lock.holder_of(path) or 'another run-claude watch'}.",
                help="One watcher is enough: end it first, or look at what it does with `run-claude history`.",
                code="already-watched",
            ) from error
        yield


class Supervisor:
    """Keeps what the user wants running. :meth:`run` it below :func:`watching`."""

    def __init__(self, stack: Stack, listener: Listener, policy: Policy | None = None) -> None:
        self._stack = stack
        self._listener = listener
        self._policy = policy or Policy()
        self._memory = load_memory(stack.settings.paths.watch_file)
        self._intent: Intent | None = None
        self._own_stops = OwnStops(stack.api)
        self._healer = Healer(stack, self._own_stops)
        self._back_at = 0.0  # when the engine came (back) into reach, by the loop's clock
        self._away = True
        self._told_block = ""
        self._told = ""  # why nothing is done, or not yet, as last told

    async def run(self) -> None:
        """Watch until cancelled."""
        observer = await self._stack.observe()
        with observer.subscribe() as seen:
            async with anyio.create_task_group() as group:
                group.start_soon(self._tell_transitions, seen)
                await self._watch(observer)

    async def _tell_transitions(self, seen: Subscription) -> None:
        async for transition in seen:
            if isinstance(transition, Transition):
                self._listener.transition(transition)
            else:
                self._listener.notify("missed", count=transition.count)

    async def _watch(self, observer: Observer) -> None:
        last, pause, told = None, IDLE_TICK, False
        while True:
            with anyio.move_on_after(max(0.0, pause)):

                def newer(snapshot: Snapshot) -> Snapshot | None:
                    return snapshot if snapshot is not last else None  # noqa: B023 (used before it changes)

                await observer.wait_for(newer)
            if (snapshot := observer.snapshot) is None:
                continue
            if not told:
                told = True
                self._take_over()
                self._listener.notify("watching", **_phases(snapshot))
            last = snapshot
            pause = await self._consider(observer, snapshot)

    # --- one look ---------------------------------------------------------------------------------------------

    async def _consider(self, observer: Observer, snapshot: Snapshot) -> float:
        """Note and decide, act if it has to be; return the seconds until this has to be considered again."""
        if snapshot.lost:
            self._away = True
            self._own_stops.lost()
        elif self._away:
            self._away, self._back_at = False, anyio.current_time()
        decision = self._decision(observer, snapshot)
        if isinstance(decision, Act):
            if (early := self._back_at + self._policy.settle - anyio.current_time()) > 0:
                return early
            try:
                await self._act(observer)
            except (EngineError, BusyError) as error:
                self._listener.notify("failed", code=error.code, message=error.message, help=error.help)
                return self._policy.backoff
            return 0.0 if observer.snapshot is not snapshot else self._policy.backoff
        if isinstance(decision, Blocked):
            self._tell_block(decision)
            return min(BLOCKED_TICK, decision.until - time.time())
        if self._told_block and self._memory.block is None:
            self._told_block = ""
            self._listener.notify("unblocked")
        self._tell_why_not(decision)
        return decision.until - time.time() if isinstance(decision, Wait) else IDLE_TICK

    def _take_over(self) -> None:
        """Go on where another watcher has ended: the stops that it has made are nobody's purpose."""
        memory = self._memory
        longest = memory.last + 2 * DEFAULT_TIMEOUT
        until = min(time.time(), longest) + TAKE_OVER if memory.acting else memory.last
        for service in Service:
            if memory.acting.endswith(service.value) or not memory.acting:
                self._own_stops.take_as_ours(service, int(until * 1e9))
        self._memory = replace(memory, acting="")

    def _tell_why_not(self, decision: Rest | Wait) -> None:
        """Tell once of a pause, and of what is left as somebody wanted it."""
        by_hand = decision.reason if isinstance(decision, Rest) and decision.by_hand else ""
        why = f"{decision.reason} {self._memory.last}" if isinstance(decision, Wait) else by_hand
        if why != self._told:
            self._told = why
            if by_hand:
                self._listener.notify("left-alone", message=by_hand)
            elif isinstance(decision, Wait) and (seconds := decision.until - time.time()) >= 2:
                self._listener.notify("waiting", message=decision.reason, seconds=round(seconds, 1))

    def _decision(self, observer: Observer, snapshot: Snapshot) -> Decision:
        now = time.time()
        wanted = self._wanted()
        memory = noticed(self._memory, snapshot, self._own_stops.fresh(observer), self._policy, now)
        memory = settled(memory, wanted, snapshot, self._policy, now)
        self._remember(memory)
        return decide(
            wanted,
            snapshot,
            memory,
            self._policy,
            now,
            fingerprint=self._fingerprint(),
            jitter=random.random(),  # noqa: S311 (no secret)
        )

    def _wanted(self) -> Sequence[Service]:
        intent = load_intent(self._stack.settings.paths.intent_file)[0]
        if intent != self._intent:
            if intent is not None:
                self._memory = intended(self._memory, intent.at)
                if self._intent is not None:
                    self._listener.notify("intent", wanted=intent.wanted, database=intent.database)
            self._intent = intent
        return services_of(intent.database) if intent is not None and intent.wanted == "up" else ()

    def _remember(self, memory: Memory) -> None:
        if memory != self._memory:
            self._memory = memory
            try:
                save_memory(self._stack.settings.paths.watch_file, memory)
            except ConfigError as error:  # a full disk is no reason to stop watching
                self._listener.notify("failed", code=error.code, message=error.message, help=error.help)

    def _tell_block(self, decision: Blocked) -> None:
        block = decision.block
        if block.code != self._told_block:
            self._told_block = block.code
            self._listener.notify("blocked", code=block.code, message=block.message, help=block.help)

    def _fingerprint(self) -> str:
        """Return what tells whether a cause that no restart mends may be gone."""
        paths, settings = self._stack.settings.paths, self._stack.settings
        files = (paths.env_file, paths.models_file, paths.profiles_file, paths.litellm_config, paths.litellm_secrets)
        marks: list[object] = [self._intent.at if self._intent else 0]
        for path in (*files, paths.services / "docker-compose.yaml"):
            try:
                found = path.stat()
                marks.append((found.st_mtime_ns, found.st_size, found.st_ino))
            except OSError:
                marks.append(None)
        block = self._memory.block
        if block is not None and block.code == "port-taken":
            marks += [is_free(settings.bind, port) for port in (settings.port, settings.database_port)]
        return f"{zlib.crc32(repr(marks).encode()):08x}"  # the same in the next watcher

    # --- acting -----------------------------------------------------------------------------------------------

    async def _act(self, observer: Observer) -> None:
        """Look again, under the lock of those who start and stop, and do what is to be done then."""
        stack = self._stack
        async with stack.writing("watch"):
            snapshot = await observer.refresh()
            act = self._decision(observer, snapshot)
            if not isinstance(act, Act):
                return
            now = time.time()
            if act.do is not Do.DIAGNOSE:
                self._remember(replace(attempted(self._memory, self._policy, now), acting=f"{act.do} {act.service}"))
            self._listener.notify(
                "action",
                action=act.do.value,
                service=act.service.value,
                reason=act.reason,
                attempt=act.attempt,
                of=self._policy.consecutive_failures,
            )
            began = anyio.current_time()
            try:
                with anyio.fail_after(DEFAULT_TIMEOUT * 2):
                    await self._do(act, snapshot)
            except RunClaudeError as error:
                self._failed(act, error)
            except TimeoutError:
                self._failed(act, engine_frozen(DEFAULT_TIMEOUT * 2))
            else:
                if act.do is not Do.DIAGNOSE:
                    seconds = round(anyio.current_time() - began, 3)
                    self._listener.notify("healed", service=act.service.value, action=act.do.value, seconds=seconds)
            self._remember(replace(self._memory, acting="", last=time.time()))

    async def _do(self, act: Act, snapshot: Snapshot) -> None:
        match act.do:
            case Do.DIAGNOSE:
                diagnosed = {**self._memory.diagnosed, act.service: snapshot[act.service].restarts}
                self._memory = replace(self._memory, diagnosed=diagnosed)
                error = await self._healer.diagnose(act.service, snapshot)
                self._listener.notify("looping", service=act.service.value, code=error.code, message=error.message)
            case Do.RESTART:
                await self._healer.restart(act.service)
            case Do.UP:
                wanted = [service for service in self._wanted() if service not in self._memory.stops]
                await self._healer.start(down_together(act.service, wanted, snapshot))

    def _failed(self, act: Act, error: RunClaudeError) -> None:
        facts = {"service": act.service.value, "code": error.code, "message": error.message, "help": error.help}
        if is_mendable(error):
            self._listener.notify("failed", **facts)
            return
        block = blocked(self._memory, error.code, error.message, error.help, "", time.time())
        self._memory = block
        # Of what is as it is now: only a change from here on is a reason to try again.
        marked = replace(block, block=replace(block.block, fingerprint=self._fingerprint())) if block.block else block
        self._remember(marked)
        self._told_block = error.code
        self._listener.notify("blocked", **facts)


def _phases(snapshot: Snapshot) -> dict[str, str]:
    return {service.value: snapshot[service].phase.value for service in Service}

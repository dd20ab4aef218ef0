"""What `watch` remembers, as pure functions: the user's stops, attempts, a cause that no restart removes.

    memory = noticed(memory, snapshot, events, policy, now)

``Memory`` is all that has to survive a restart of the watcher. Times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Phase, Service

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from run_claude.domain.lifecycle import ContainerEvent, Snapshot

__all__ = [
    "Block",
    "Memory",
    "Policy",
    "Stop",
    "Told",
    "attempted",
    "blocked",
    "intended",
    "may_be_stopped",
    "noticed",
    "settled",
]

_SIGKILL = 9  # of `docker kill`, which nobody does to a container that is to stay down


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How hard to try. Times in seconds."""

    consecutive_failures: int = 5  # attempts without success
    budget: int = 10  # attempts within ``window``, successful or not
    window: float = 1800.0
    backoff: float = 1.0  # before the second attempt in a row; doubles with each
    backoff_max: float = 300.0
    stable: float = 120.0  # healthy for so long, and the attempts in a row are forgotten
    probe: float = 60.0  # between attempts to find that a cause which no restart removes is gone
    loop: int = 3  # restarts by Docker, and it is looked into
    unpaused: float = 40.0  # after an unpause the engine shows a stale `unhealthy` until the next probe
    stopping: float = 2.0  # after the death of a container that was told to end: `docker stop` says `stop` after `die`
    told: float = 120.0  # a container that lives on for so long has taken a signal for something else
    settle: float = 1.0  # after the engine is back: it reports and starts containers by itself first
    engine_end: float = 20.0  # a stop so shortly before the engine went away was the engine's own


@dataclass(frozen=True, slots=True)
class Stop:
    """A container that the user has stopped."""

    container: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A container that a signal has told to end.

    :param at_ns: of the signal, by the engine's clock
    :param since: when that was first known
    :param dead: when it was first seen not to run any more; 0 until then
    """

    container: str
    at_ns: int
    since: float
    dead: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A cause that no restart removes, or a spent budget."""

    code: str
    message: str
    help: str
    since: float
    fingerprint: str = ""  # of what the user can change: when it differs, the cause may be gone
    tried: float = 0.0  # when it was last tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the watcher knows beside what is. ``acting`` is set while it acts: left over, it was killed in between."""

    attempts: tuple[float, ...] = ()  # when, within the window
    consecutive_failures: int = 0
    last: float = 0.0  # when the last attempt ended
    healthy_since: float = 0.0
    stops: Mapping[Service, Stop] = field(default_factory=dict)
    told: Mapping[Service, Told] = field(default_factory=dict)
    paused: Mapping[Service, float] = field(default_factory=dict)  # when it was last seen paused
    diagnosed: Mapping[Service, int] = field(default_factory=dict)  # at how many restarts a loop was looked into
    block: Block | None = None
    intended: float = 0.0  # when the user has last said what is wanted
    acting: str = ""


def noticed(memory: Memory, snapshot: Snapshot, events: Iterable[ContainerEvent], policy: Policy, now: float) -> Memory:
    """Return the memory after a look: what the user has stopped, what was paused, since when all is healthy.

    :param events: those that came since the last look, in any order and any number of times
    """
    stops, told, paused = dict(memory.stops), dict(memory.told), dict(memory.paused)
    events = tuple(events)
    begun: dict[str, int] = {}
    for event in events:
        if event.action == "start":
            begun[event.container_id] = max(event.at_ns, begun.get(event.container_id, 0))
    for event in events:
        # `docker stop` and `docker compose stop` end with `stop`; a crash, an OOM and `docker kill` have none.
        # A container that was started after it is as wanted as before: `docker restart`, and then a crash.
        if event.action != "stop" or event.at_ns < begun.get(event.container_id, 0):
            continue
        if event.service not in stops or stops[event.service].container != event.container_id:
            stops[event.service] = Stop(event.container_id, now)
    for event in sorted(events, key=lambda event: event.at_ns):
        before = told.get(event.service)
        if before is not None and event.at_ns <= before.at_ns:
            continue  # told again, as after each new connection
        if event.action == "start":
            told.pop(event.service, None)
        elif event.action == "kill" and event.signal not in (None, _SIGKILL):
            told[event.service] = Told(container=event.container_id, at_ns=event.at_ns, since=now)
    if snapshot.lost:
        # The engine stops its containers when it ends: the user has not.
        stops = {service: stop for service, stop in stops.items() if now - stop.at > policy.engine_end}
        return replace(memory, stops=stops, told={}, healthy_since=0.0)
    for service in Service:
        state = snapshot[service]
        if service in stops and (state.running or (state.id and state.id != stops[service].container)):
            del stops[service]
        if (ending := told.get(service)) is not None:
            if state.id != ending.container or (state.running and now - ending.since > policy.told):
                del told[service]
            elif not state.running and not ending.dead:
                told[service] = replace(ending, dead=now)
        if state.phase is Phase.PAUSED:
            paused[service] = now
        elif state.phase is not Phase.UNHEALTHY:
            paused.pop(service, None)
    diagnosed = {
        service: count
        for service, count in memory.diagnosed.items()
        if snapshot[service].restarts >= count and snapshot[service].phase is not Phase.HEALTHY
    }
    return replace(memory, stops=stops, told=told, paused=paused, diagnosed=diagnosed)


def may_be_stopped(service: Service, memory: Memory, policy: Policy, now: float) -> float:
    """Return until when the engine may still say that somebody has stopped a container that is down; 0 if not."""
    ending = memory.told.get(service)
    if ending is None or not ending.dead or not 0 <= now - ending.dead < policy.stopping:
        return 0.0
    return ending.dead + policy.stopping


def intended(memory: Memory, at: float) -> Memory:
    """Return the memory after the user has started or stopped the stack: what has failed before counts no more."""
    return memory if memory.intended == at else replace(memory, consecutive_failures=0, block=None, intended=at)


def attempted(memory: Memory, policy: Policy, now: float) -> Memory:
    """Return the memory at the beginning of an attempt; it counts even if the watcher dies in it."""
    recent = tuple(at for at in memory.attempts if 0 <= now - at < policy.window)
    return replace(
        memory,
        attempts=(*recent, now),
        consecutive_failures=memory.consecutive_failures + 1,
        last=now,
        healthy_since=0.0,
    )


def settled(memory: Memory, wanted: Sequence[Service], snapshot: Snapshot, policy: Policy, now: float) -> Memory:
    """Return the memory with what good news changes: healthy for long enough, the attempts in a row are forgotten."""
    if not wanted or not snapshot.healthy(wanted):
        return replace(memory, healthy_since=0.0)
    since = memory.healthy_since if 0 < memory.healthy_since <= now else now
    consecutive_failures = 0 if now - since >= policy.stable else memory.consecutive_failures
    if memory.block is not None:
        # The cause was outside; attempts that only found it still there do not count against the budget.
        before = tuple(at for at in memory.attempts if at < memory.block.since)
        return replace(memory, healthy_since=since, consecutive_failures=0, attempts=before, block=None)
    return replace(memory, healthy_since=since, consecutive_failures=consecutive_failures)


def blocked(memory: Memory, code: str, message: str, help: str, fingerprint: str, now: float) -> Memory:
    """Return the memory with a cause in it that no restart removes."""
    since = memory.block.since if memory.block and memory.block.code == code else now
    block = Block(code=code, message=message, help=help, since=since, fingerprint=fingerprint, tried=now)
    return replace(memory, block=block)

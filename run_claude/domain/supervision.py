"""What to do about what is: the policy of `watch`, as pure functions. Times are seconds since the epoch.

    decide(wanted, snapshot, memory, policy, now)  ->  Rest | Wait | Act | Blocked

Calm and truthful: what was stopped on purpose stays stopped, what Docker is restarting is left to Docker, one action
at a time, the database before the proxy, ever longer pauses between attempts, and none at all where the cause is one
that no restart mends. ``Memory`` is all that has to survive a restart of the watcher.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Phase, Service

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from run_claude.domain.lifecycle import ContainerEvent, ServiceState, Snapshot

__all__ = [
    "Act",
    "Block",
    "Blocked",
    "Decision",
    "Do",
    "Memory",
    "Policy",
    "Rest",
    "Stop",
    "Wait",
    "attempted",
    "blocked",
    "decide",
    "intended",
    "noticed",
    "settled",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How hard to try. Times in seconds."""

    consecutive_failures: int = 5  # attempts without success
    budget: int = 10  # attempts within ``window``, successful or not
    window: float = 1800.0
    backoff: float = 1.0  # before the second attempt in a row; doubles with each
    backoff_max: float = 300.0
    stable: float = 120.0  # healthy for so long, and the attempts in a row are forgotten
    probe: float = 60.0  # between looks whether a cause that no restart mends is gone
    loop: int = 3  # restarts by Docker, and it is looked into
    unpaused: float = 40.0  # after an unpause the engine shows a stale `unhealthy` until the next probe
    settle: float = 1.0  # after the engine has come into reach: what it tells and starts by itself comes first
    engine_end: float = 20.0  # a stop so shortly before the engine went away was the engine's own


class Do(StrEnum):
    """What can be done."""

    UP = "start"  # `compose up` of the service: what is absent, created or exited is there and runs afterwards
    RESTART = "restart"  # stop it and start it again: what runs and is unhealthy
    DIAGNOSE = "diagnose"  # find out why Docker restarts it again and again; stop it if that cannot help


@dataclass(frozen=True, slots=True)
class Stop:
    """A container that somebody has stopped on purpose."""

    container: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A cause that no restart mends, or a spent budget."""

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
    paused: Mapping[Service, float] = field(default_factory=dict)  # when it was last seen paused
    diagnosed: Mapping[Service, int] = field(default_factory=dict)  # at how many restarts a loop was looked into
    block: Block | None = None
    intended: float = 0.0  # when the user has last said what is wanted
    acting: str = ""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is to be done now; the next change will say more. ``by_hand``: somebody wanted something so."""

    reason: str
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Something is to be done, and not before ``until``."""

    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class Act:
    """Do this, now."""

    do: Do
    service: Service
    reason: str
    attempt: int  # in a row, from 1


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing that can be done would help. ``until`` is when to look again whether the cause is gone."""

    block: Block
    until: float


Decision = Rest | Wait | Act | Blocked


# --- what is remembered -----------------------------------------------------------------------------------------------


def noticed(memory: Memory, snapshot: Snapshot, events: Iterable[ContainerEvent], policy: Policy, now: float) -> Memory:
    """Return the memory after a look: who was stopped on purpose, who was paused, since when all is well.

    :param events: those that came since the last look, in any order and any number of times
    """
    stops, paused = dict(memory.stops), dict(memory.paused)
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
    if snapshot.lost:
        # The engine stops its containers when it ends: nobody has meant those.
        stops = {service: stop for service, stop in stops.items() if now - stop.at > policy.engine_end}
        return replace(memory, stops=stops, healthy_since=0.0)
    for service in Service:
        state = snapshot[service]
        if service in stops and (state.running or (state.id and state.id != stops[service].container)):
            del stops[service]
        if state.phase is Phase.PAUSED:
            paused[service] = now
        elif state.phase is not Phase.UNHEALTHY:
            paused.pop(service, None)
    diagnosed = {
        service: count
        for service, count in memory.diagnosed.items()
        if snapshot[service].restarts >= count and snapshot[service].phase is not Phase.HEALTHY
    }
    return replace(memory, stops=stops, paused=paused, diagnosed=diagnosed)


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
        # The cause lay outside; the attempts that have only found it to be there still are none of the budget.
        before = tuple(at for at in memory.attempts if at < memory.block.since)
        return replace(memory, healthy_since=since, consecutive_failures=0, attempts=before, block=None)
    return replace(memory, healthy_since=since, consecutive_failures=consecutive_failures)


def blocked(memory: Memory, code: str, message: str, help: str, fingerprint: str, now: float) -> Memory:
    """Return the memory with a cause in it that no restart mends."""
    since = memory.block.since if memory.block and memory.block.code == code else now
    block = Block(code=code, message=message, help=help, since=since, fingerprint=fingerprint, tried=now)
    return replace(memory, block=block)


# --- what to do -------------------------------------------------------------------------------------------------------


def decide(
    wanted: Sequence[Service],
    snapshot: Snapshot,
    memory: Memory,
    policy: Policy,
    now: float,
    *,
    fingerprint: str = "",
    jitter: float = 0.5,
) -> Decision:
    """Return what to do about a snapshot.

    :param wanted: the services that should run; none if the stack was stopped by us
    :param fingerprint: of what the user can change (files, intent): differs from a block's, and it is tried again
    :param jitter: in [0, 1): pauses are stretched by up to half with it, so that several watchers do not march in step
    """
    if not wanted:
        return Rest("the stack is not wanted")
    if snapshot.lost:
        return Rest("the engine is out of reach")
    act = _wanted_act(wanted, snapshot, memory, policy, now)
    if not isinstance(act, Act) or act.do is Do.DIAGNOSE:
        return act
    if memory.block is not None and memory.block.fingerprint == fingerprint:
        # A clock that was set back must not make this wait for ever.
        due = memory.block.tried + policy.probe
        if memory.block.tried <= now < due:
            return Blocked(memory.block, due)
        return act
    return _within_budget(act, memory, policy, now, jitter)


def _wanted_act(
    wanted: Sequence[Service], snapshot: Snapshot, memory: Memory, policy: Policy, now: float
) -> Act | Rest | Wait:
    rests: list[Rest] = []
    for service in sorted(wanted, key=list(Service).index):  # the database first, the proxy after it
        found = _about(service, snapshot[service], memory, policy, now)
        if isinstance(found, Act | Wait):
            return found
        if found is not None:
            rests.append(found)
    reason = "; ".join(rest.reason for rest in rests) or "all is well"
    return Rest(reason, any(rest.by_hand for rest in rests))


def _about(
    service: Service, state: ServiceState, memory: Memory, policy: Policy, now: float
) -> Act | Wait | Rest | None:
    """Return what to do about one service, or why nothing; ``None`` where nothing is wrong."""
    attempt = memory.consecutive_failures + 1
    stop = memory.stops.get(service)
    match state.phase:
        case Phase.HEALTHY:
            return None
        case Phase.PAUSED:
            return Rest(f"{service} is paused", by_hand=True)
        case Phase.STARTING | Phase.REMOVING:
            return Rest(f"{service} is {state.phase}")
        case Phase.RESTARTING:
            if state.restarts >= max(policy.loop, 2 * memory.diagnosed.get(service, 0)):
                return Act(Do.DIAGNOSE, service, f"died {state.restarts + 1} times", attempt)
            return Rest(f"{service} is being restarted by Docker")
        case Phase.UNKNOWN:
            return Rest(f"{service} is unknown")
        case Phase.UNHEALTHY:
            if (paused := memory.paused.get(service)) is not None and 0 <= now - paused < policy.unpaused:
                return Wait(paused + policy.unpaused, f"{service} was paused; its next health check will tell")
            return Act(Do.RESTART, service, "unhealthy", attempt)
        case Phase.ABSENT | Phase.CREATED | Phase.EXITED:
            if stop is not None and state.id in ("", stop.container):
                return Rest(f"{service} was stopped on purpose", by_hand=True)
            return Act(Do.UP, service, _why_down(state), attempt)


def _why_down(state: ServiceState) -> str:
    if state.phase is Phase.EXITED:
        return "out of memory" if state.oom_killed else f"exited with {state.exit_code}"
    return "never started" if state.phase is Phase.CREATED else "not there"


def _within_budget(act: Act, memory: Memory, policy: Policy, now: float, jitter: float) -> Decision:
    recent = sorted(at for at in memory.attempts if 0 <= now - at < policy.window)
    if memory.consecutive_failures >= policy.consecutive_failures and recent:
        until = recent[-1] + policy.window
        return Blocked(_spent(f"{memory.consecutive_failures} attempts in a row have failed", now), until)
    if len(recent) >= policy.budget:
        until = recent[-policy.budget] + policy.window
        return Blocked(_spent(f"{len(recent)} attempts in {policy.window / 60:.0f} minutes", now), until)
    if memory.consecutive_failures == 0 or not 0 <= now - memory.last <= policy.backoff_max * 1.5:
        return act
    pause = min(policy.backoff * 2 ** (memory.consecutive_failures - 1), policy.backoff_max) * (1 + jitter / 2)
    due = memory.last + pause
    return act if now >= due else Wait(due, f"{act.service} {act.reason}")


def _spent(what: str, now: float) -> Block:
    return Block(
        code="watch-gave-up",
        message=f"The watcher has given up for now: {what}.",
        help="Find the cause with `run-claude doctor`; `run-claude proxy start` starts anew.",
        since=now,
    )

"""What to do about what is: the policy of `watch`, as pure functions. Times are seconds since the epoch.

    decide(wanted, snapshot, memory, policy, now)  ->  Rest | Wait | Act | Blocked

Calm and truthful: what was stopped on purpose stays stopped, what Docker is restarting is left to Docker, one action
at a time, the database before the proxy, ever longer pauses between attempts, and none at all where the cause is one
that no restart removes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Phase, Service
from run_claude.domain.supervision_memory import Block, Memory, Policy, may_be_stopped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.domain.lifecycle import ServiceState, Snapshot

__all__ = ["Act", "Blocked", "Decision", "Do", "Rest", "Wait", "decide"]


class Do(StrEnum):
    """What can be done."""

    UP = "start"  # `compose up` of the service: what is absent, created or exited is there and runs afterwards
    RESTART = "restart"  # stop it and start it again: what runs and is unhealthy; anew if it is cut off its network
    DIAGNOSE = "diagnose"  # find out why Docker restarts it again and again; stop it if that cannot help


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is to be done now; the next change is considered again. ``by_hand``: the user wants it so."""

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
                return Wait(paused + policy.unpaused, f"{service} was paused; waiting for its next health check")
            reason = "not connected to its network" if state.cut_off else "unhealthy"
            return Act(Do.RESTART, service, reason, attempt)
        case Phase.ABSENT | Phase.CREATED | Phase.EXITED:
            if stop is not None and state.id in ("", stop.container):
                return Rest(f"{service} was stopped on purpose", by_hand=True)
            if until := may_be_stopped(service, memory, policy, now):
                return Wait(until, f"{service} was told to end; waiting for who did")
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
        help="Find the cause with `run-claude doctor`; `run-claude proxy start` starts again.",
        since=now,
    )

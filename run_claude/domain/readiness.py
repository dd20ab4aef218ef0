"""Is a start done, still under way, or failed? Pure: three looks in, a verdict out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Phase, Service, Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Failed", "Ready", "Verdict", "Waiting", "judge"]


@dataclass(frozen=True, slots=True)
class Ready:
    """Every service that is wanted is healthy."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is wrong; these are not healthy yet."""

    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """This service cannot get healthy by waiting. ``reason`` is a stable code."""

    service: Service
    reason: str  # died, looping, unhealthy, removed, not-started, paused, engine-lost


Verdict = Ready | Waiting | Failed


def judge(wanted: Sequence[Service], base: Snapshot, now: Snapshot) -> Verdict:
    """Judge a start after ``docker compose up`` has returned.

    :param wanted: the services that must get healthy
    :param base: the first look after ``up`` returned. A later change of container or start time means that
        a container died and came back in between, however healthy it looks now.
    :param now: the newest look
    """
    if now.lost:
        # Not a failure by itself: an engine that restarts comes back. The deadline bounds the wait.
        return Waiting(tuple(wanted))
    waiting: list[Service] = []
    for service in wanted:
        state, first = now[service], base[service]
        if reason := _failure(state.phase):
            return Failed(service, reason)
        started_again = first.id == state.id and first.started_ns not in (None, state.started_ns)
        # The engine sets the count to zero at a start by hand, so any other number is a death since then;
        # a container that `up` found healthy may carry an old count.
        looping = state.restarts > 0 and state.phase is not Phase.HEALTHY
        if started_again or looping:
            return Failed(service, "looping")
        if state.phase is not Phase.HEALTHY:
            waiting.append(service)
    return Waiting(tuple(waiting)) if waiting else Ready()


def _failure(phase: Phase) -> str:
    match phase:
        case Phase.EXITED:
            return "died"
        case Phase.RESTARTING:
            return "looping"
        case Phase.UNHEALTHY:
            return "unhealthy"
        case Phase.ABSENT | Phase.REMOVING:
            return "removed"
        case Phase.CREATED:
            return "not-started"
        case Phase.PAUSED:
            return "paused"
        case Phase.STARTING | Phase.HEALTHY | Phase.UNKNOWN:
            return ""

"""Compare two snapshots: which transitions lie between them, and which event explains each.

Pure. Nothing is derived from the order of events: an event only gives the cause of a difference between two snapshots,
so a lost, doubled or reordered event never leads to a wrong state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Phase, Service, Transition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.domain.lifecycle import ContainerEvent, ServiceState, Snapshot

__all__ = ["transitions"]


def transitions(before: Snapshot, after: Snapshot, events: Sequence[ContainerEvent] = ()) -> list[Transition]:
    """Return what changed between two snapshots, oldest first, each with its cause.

    :param events: the engine's events in between, in any order, with gaps and repetitions
    """
    found: list[Transition] = []
    for service in Service:
        old, new = before[service], after[service]
        if _identity(old) == _identity(new):
            continue
        evidence = sorted((event for event in events if event.service is service), key=lambda event: event.at_ns)
        cause, at_ns = _cause(old, new, evidence, after.lost)
        found.append(Transition(service=service, before=old, after=new, at_ns=at_ns, cause=cause))
    return sorted(found, key=lambda transition: transition.at_ns or 0)


def _identity(state: ServiceState) -> tuple[object, ...]:
    """Return what tells two states apart. A restart between two looks still shows in ``started_ns``."""
    return state.phase, state.id, state.started_ns, state.restarts


# The events that explain a phase, best first; of several of a kind, the newest. `kill` comes after `die` because
# `docker stop` emits both and the exit code says more; `oom` comes first because its `die` says only 137.
_EXPLAINS: dict[Phase, tuple[str, ...]] = {
    Phase.HEALTHY: ("health_status", "unpause", "start"),
    Phase.UNHEALTHY: ("health_status", "unpause"),
    Phase.STARTING: ("oom", "die", "restart", "start", "unpause"),
    Phase.RESTARTING: ("oom", "die"),
    Phase.EXITED: ("oom", "stop", "die", "kill"),
    Phase.CREATED: ("create", "die"),
    Phase.PAUSED: ("pause",),
    Phase.REMOVING: ("destroy", "die"),
    Phase.ABSENT: ("destroy", "remove", "rename"),
}


def _cause(
    old: ServiceState, new: ServiceState, evidence: Sequence[ContainerEvent], lost: str
) -> tuple[str, int | None]:
    if new.phase is Phase.UNKNOWN:
        return lost or "the engine is out of reach", None
    if new.cut_off and not old.cut_off and new.running:
        return "disconnected from its network", None
    for action in _EXPLAINS.get(new.phase, ()):
        for event in reversed(evidence):
            if event.action == action and not (new.running and not old.running and action in ("oom", "die")):
                return _describe(event), event.at_ns
    if old.phase is Phase.UNKNOWN:
        return "the engine is back", new.since_ns
    # For some phases a look knows only when the container started, which was before the change.
    at_ns = new.since_ns
    return "found by a routine check", None if at_ns and old.since_ns and at_ns <= old.since_ns else at_ns


def _describe(event: ContainerEvent) -> str:
    match event.action:
        case "oom":
            return "out of memory"
        case "die":
            return f"exited with {event.exit_code}" if event.exit_code is not None else "exited"
        case "kill":
            return f"signal {event.signal}" if event.signal is not None else "killed"
        case "stop":
            return "stopped"
        case "destroy" | "remove":
            return "removed"
        case "rename":
            return "renamed"
        case "health_status":
            return "health check"
        case "start":
            return "started"
        case "restart":
            return "restarted"
        case "create":
            return "created"
        case _:
            return {"pause": "paused", "unpause": "unpaused"}.get(event.action, event.action)

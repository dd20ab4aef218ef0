"""Format durations, sizes, transitions and watcher events, the same on every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from run_claude.domain.lifecycle import Phase, Service, format_time
from run_claude.domain.sizes import size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.domain.lifecycle import ServiceState, Transition

__all__ = [
    "PHASE_STYLE",
    "ago",
    "counted",
    "duration",
    "service_name",
    "size",
    "transition_json",
    "transition_line",
    "watch_line",
]

# Styles of a screen; without colours the words say the same.
PHASE_STYLE: dict[Phase, str] = {
    Phase.HEALTHY: "green",
    Phase.STARTING: "yellow",
    Phase.CREATED: "yellow",
    Phase.RESTARTING: "yellow",
    Phase.UNHEALTHY: "red",
    Phase.EXITED: "red",
    Phase.REMOVING: "red",
    Phase.PAUSED: "magenta",
    Phase.ABSENT: "dim",
    Phase.UNKNOWN: "red",
}

_NAMES = {Service.LITELLM: "litellm", Service.TIMESCALEDB: "timescaledb"}


def service_name(service: Service) -> str:
    """Return the name of a service, padded so that lines about different services align."""
    return _NAMES[service].ljust(11)


def duration(seconds: float) -> str:
    """Return a duration in at most two units: ``0.84 s``, ``12.3 s``, ``4 min 10 s``, ``3 h 2 min``."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, length, small, small_length in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            rest = whole % length // small_length
            return f"{whole // length} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 table``, ``2 tables``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def ago(at_ns: int | None, now_ns: int) -> str:
    """Return how long ago something happened; a dash if it is not known."""
    return "-" if at_ns is None else duration(max(0, now_ns - at_ns) / 1e9)


def transition_line(transition: Transition, lasted: float | None = None) -> str:
    """Return a transition as one line: service, phases, cause, and how long the previous phase lasted.

    :param lasted: seconds; if unknown, the line shows how long the container ran
    """
    line = f"{service_name(transition.service)} {transition.before.phase} → {transition.after.phase}"
    if transition.replaced:
        line += ", new container"
    elif transition.restarted and transition.before.phase is transition.after.phase:
        line += ", restarted"
    line += f" ({transition.cause}"
    if lasted is not None:
        return f"{line}, after {duration(lasted)})"
    begun = transition.before.started_ns if transition.before.running else None
    if transition.at_ns and begun and transition.at_ns >= begun:
        line += f", after {duration((transition.at_ns - begun) / 1e9)}"
    return line + ")"


def transition_json(transition: Transition) -> dict[str, object]:
    """Return a transition as a JSON object."""
    return {
        "at": format_time(transition.at_ns),
        "service": transition.service.value,
        "from": transition.before.phase.value,
        "to": transition.after.phase.value,
        "cause": transition.cause,
        "container": transition.after.id[:12] or transition.before.id[:12],
        "exit_code": _exit_code(transition.after),
        "restarts": transition.after.restarts,
    }


def _exit_code(state: ServiceState) -> int | None:
    return state.exit_code if state.phase in (Phase.EXITED, Phase.RESTARTING) else None


_DOING = {"start": "starting", "restart": "restarting", "diagnose": "diagnosing"}


def watch_line(event: str, facts: Mapping[str, Any]) -> str:
    """Return an event of the watcher as one line."""
    match event:
        case "watching":
            return "watching: " + ", ".join(f"{name} {phase}" for name, phase in facts.items())
        case "action":
            line = f"healing: {_DOING[facts['action']]} {facts['service']} ({facts['reason']})"
            if facts["action"] == "diagnose":
                return line
            if facts["attempt"] > facts["of"]:  # an attempt past the limit only tests whether a lasting cause is gone
                return f"{line}, to check whether the cause is gone"
            return f"{line}, attempt {facts['attempt']} of {facts['of']}"
        case "healed":
            return f"healed: {facts['service']} is healthy after {duration(facts['seconds'])}"
        case "left-alone":
            return f"not healing: {facts['message']}"
        case "waiting":
            return f"waiting {duration(facts['seconds'])} before the next attempt: {facts['message']}"
        case "intent":
            return f"the stack should be {facts['wanted']}"
        case "unblocked":
            return "the cause is gone"
        case "missed":
            return f"missed {counted(facts['count'], 'transition')}"
        case _:
            text = f"{event}: {facts.get('message', '')} {facts.get('help', '')}"
            return text.rstrip()

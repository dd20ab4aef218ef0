"""What the two services are, and what changed: phases, snapshots, transitions.

Pure values and functions. A ``Snapshot`` is one look at the engine; ``transitions`` compares two
looks. Nothing here is derived from the *order* of events: an event only adds the reason (``cause``)
to a difference that two looks show, so a missed, doubled or reordered event cannot lead to a wrong state.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ABSENT",
    "UNKNOWN",
    "ContainerEvent",
    "Phase",
    "Service",
    "ServiceState",
    "Snapshot",
    "Transition",
    "as_json",
    "format_time",
    "parse_time",
    "phase_of",
    "transitions",
]


class Service(StrEnum):
    """The services of the Compose project, in the order in which they are useful to a reader."""

    TIMESCALEDB = "timescaledb"
    LITELLM = "litellm"


class Phase(StrEnum):
    """What a service's container is doing: Docker's ``State.Status`` joined with ``State.Health``."""

    UNKNOWN = "unknown"  # the engine is out of reach: nobody knows
    ABSENT = "absent"
    CREATED = "created"
    STARTING = "starting"  # running, its health check has not succeeded yet
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    RESTARTING = "restarting"  # it exited and Docker waits before it starts it again
    PAUSED = "paused"
    EXITED = "exited"
    REMOVING = "removing"


_RUNNING = frozenset({Phase.STARTING, Phase.HEALTHY, Phase.UNHEALTHY, Phase.PAUSED})


def phase_of(status: str, health: str) -> Phase:
    """Return the phase for Docker's ``State.Status`` and ``State.Health.Status``.

    Health counts only for a running container: the engine reports stopped and paused ones as
    ``unhealthy`` for compatibility (moby#46203, #36233). Decide on the status string, not on the
    booleans: ``Running`` is also true while restarting. A container without a health check is
    healthy as soon as it runs, as Compose's own ``--wait`` has it.

    :raises ValueError: for a status that no known engine reports
    """
    match status:
        case "running" if health in ("healthy", "none", ""):
            return Phase.HEALTHY
        case "running" if health == "unhealthy":
            return Phase.UNHEALTHY
        case "running":
            return Phase.STARTING
        case "dead":
            return Phase.EXITED
        case "created" | "restarting" | "paused" | "exited" | "removing":
            return Phase(status)
        case _:
            raise ValueError(f"unknown container status {status!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """One look at the container of one service. Times are nanoseconds since the epoch, by the engine's clock.

    ``exit_code`` is the last one and only means something once the container has exited;
    ``restarts`` counts restarts by the engine's restart policy since the last start by hand.
    """

    phase: Phase = Phase.ABSENT
    id: str = ""
    name: str = ""
    created_ns: int | None = None
    started_ns: int | None = None
    finished_ns: int | None = None
    exit_code: int | None = None
    oom_killed: bool = False
    restarts: int = 0
    error: str = ""  # State.Error: why the engine could not start it
    health_output: str = ""  # what the last health probe printed
    healthy_ns: int | None = None  # when the last known probe series first succeeded
    image: str = ""
    config_hash: str = ""  # Compose's hash of the service definition
    inputs: str = ""  # our hash of the files the container was created with
    labels: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)

    @property
    def running(self) -> bool:
        """Whether there is a process in the container now."""
        return self.phase in _RUNNING

    @property
    def since_ns(self) -> int | None:
        """When the container got where it is, as far as one look can tell."""
        match self.phase:
            case Phase.EXITED | Phase.RESTARTING:
                return self.finished_ns or self.created_ns
            case Phase.CREATED | Phase.REMOVING:
                return self.created_ns
            case Phase.HEALTHY:
                return self.healthy_ns or self.started_ns
            case Phase.STARTING | Phase.UNHEALTHY | Phase.PAUSED:
                return self.started_ns
            case Phase.UNKNOWN | Phase.ABSENT:
                return None

    def label(self, key: str) -> str:
        """Return a label of the container, or the empty string."""
        return dict(self.labels).get(key, "")


ABSENT = ServiceState()
UNKNOWN = ServiceState(phase=Phase.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is, of the whole stack, at one look."""

    timescaledb: ServiceState = ABSENT
    litellm: ServiceState = ABSENT
    lost: str = ""  # why the engine is out of reach; empty while it is not

    def __getitem__(self, service: Service) -> ServiceState:
        match service:
            case Service.TIMESCALEDB:
                return self.timescaledb
            case Service.LITELLM:
                return self.litellm

    def healthy(self, services: Iterable[Service]) -> bool:
        """Whether each of the services is healthy."""
        return all(self[service].phase is Phase.HEALTHY for service in services)

    def updated(self, service: Service, state: ServiceState) -> Snapshot:
        """Return this snapshot with another state of one service."""
        match service:
            case Service.TIMESCALEDB:
                return replace(self, timescaledb=state)
            case Service.LITELLM:
                return replace(self, litellm=state)

    @classmethod
    def out_of_reach(cls, reason: str) -> Snapshot:
        """Return the snapshot of an engine that cannot be asked: nothing is known."""
        return cls(timescaledb=UNKNOWN, litellm=UNKNOWN, lost=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEvent:
    """One event of the engine about a container of ours. ``at_ns`` is the engine's ``timeNano``."""

    service: Service
    action: str  # Docker's: start, die, kill, stop, oom, destroy, health_status, ...
    at_ns: int
    container_id: str = ""
    exit_code: int | None = None
    signal: int | None = None
    health: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A service went from one phase to another. ``at_ns`` is the engine's time of it, if any is known."""

    service: Service
    before: ServiceState
    after: ServiceState
    at_ns: int | None
    cause: str

    @property
    def restarted(self) -> bool:
        """Whether the same container was started anew in between."""
        return (
            bool(self.before.id) and self.before.id == self.after.id and self.before.started_ns != self.after.started_ns
        )

    @property
    def replaced(self) -> bool:
        """Whether another container has taken the place."""
        return bool(self.before.id and self.after.id) and self.before.id != self.after.id


def transitions(before: Snapshot, after: Snapshot, events: Sequence[ContainerEvent] = ()) -> list[Transition]:
    """Return what changed between two looks, oldest first, each with its cause.

    :param events: what the engine said in between, in any order, with gaps and repetitions
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
    """Return what makes two looks the same: a restart that fits between two looks still shows in ``started_ns``."""
    return state.phase, state.id, state.started_ns, state.restarts


# Which event explains a phase best; the first one found wins, the newest of its kind. `kill` comes after `die`
# because `docker stop` emits both and the exit code says more; `oom` first because its `die` says only 137.
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
    for action in _EXPLAINS.get(new.phase, ()):
        for event in reversed(evidence):
            if event.action == action and not (new.running and not old.running and action in ("oom", "die")):
                return _describe(event), event.at_ns
    if old.phase is Phase.UNKNOWN:
        return "the engine is back", new.since_ns
    # One look tells of some phases only since when the container runs, and that was before.
    at_ns = new.since_ns
    return "found by looking again", None if at_ns and old.since_ns and at_ns <= old.since_ns else at_ns


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


def parse_time(text: str | None) -> int | None:
    """Return RFC 3339 time as nanoseconds since the epoch; ``None`` for Docker's zero time and for nothing.

    Python's own parser stops at microseconds, the engine's times have nanoseconds.

    :raises ValueError: if the text is no time
    """
    if not text or text.startswith("0001-01-01"):
        return None
    whole, dot, rest = text.partition(".")
    if not dot:
        return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000
    digits = len(rest) - len(rest.lstrip("0123456789"))
    seconds = int(datetime.fromisoformat(whole + rest[digits:]).timestamp())
    return seconds * 1_000_000_000 + int(rest[:digits].ljust(9, "0")[:9])


def format_time(at_ns: int | None) -> str | None:
    """Return nanoseconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    if at_ns is None:
        return None
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_json(state: ServiceState) -> dict[str, object]:
    """Return a state as JSON values, times as RFC 3339, what is unset left out."""
    row: dict[str, object] = {}
    for spec in fields(state):
        value = getattr(state, spec.name)
        if spec.name == "labels" or (value in (None, "", False) and spec.name != "restarts"):
            continue
        name, value = (spec.name[:-3] + "_at", format_time(value)) if spec.name.endswith("_ns") else (spec.name, value)
        row[name] = value
    return row

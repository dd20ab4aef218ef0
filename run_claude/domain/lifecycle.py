"""The values of a stack's life: services, phases, states, snapshots, events, transitions.

A ``Snapshot`` is one look at the engine. ``domain.transitions`` compares two.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

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
]


class Service(StrEnum):
    """The services of the Compose project, in the order in which they are listed."""

    TIMESCALEDB = "timescaledb"
    LITELLM = "litellm"


class Phase(StrEnum):
    """The phase of a service's container: Docker's ``State.Status`` combined with ``State.Health``."""

    UNKNOWN = "unknown"  # the engine is out of reach
    ABSENT = "absent"
    CREATED = "created"
    STARTING = "starting"  # running; its health check has not succeeded yet
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    RESTARTING = "restarting"  # exited; Docker waits before it starts it again
    PAUSED = "paused"
    EXITED = "exited"
    REMOVING = "removing"


_RUNNING = frozenset({Phase.STARTING, Phase.HEALTHY, Phase.UNHEALTHY, Phase.PAUSED})


def phase_of(status: str, health: str) -> Phase:
    """Return the phase for Docker's ``State.Status`` and ``State.Health.Status``.

    Health counts only for a running container: for compatibility the engine reports stopped and paused ones as
    ``unhealthy`` (moby#46203, #36233). The status string decides, not the booleans: ``Running`` is also true while
    restarting. A container without a health check is healthy as soon as it runs, as for Compose's ``--wait``.

    :raises ValueError: if no known engine reports this status
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
    """The state of one service's container at one look. Times are nanoseconds since the epoch, by the engine's clock.

    ``exit_code`` is set once the container has exited. ``restarts`` counts the restarts by the engine's restart
    policy since a command last started it.
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
    cut_off: bool = False  # not on the network that it was created for: nobody reaches it
    error: str = ""  # State.Error: why the engine could not start it
    health_output: str = ""  # what the last health probe printed
    healthy_ns: int | None = None  # when the last known probe series first succeeded
    image: str = ""
    image_id: str = ""  # which image that was: its tag may be another one now
    published: str = ""  # where it is reached from this machine: 127.0.0.1:4444; empty if nowhere
    config_hash: str = ""  # Compose's hash of the service definition
    inputs: str = ""  # our hash of the files the container was created with
    labels: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)

    @property
    def running(self) -> bool:
        """Whether the container has a process now."""
        return self.phase in _RUNNING

    @property
    def since_ns(self) -> int | None:
        """When the container entered its phase, as far as one look can tell."""
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
        """Return a label of the container; empty if it has none of this name."""
        return dict(self.labels).get(key, "")


ABSENT = ServiceState()
UNKNOWN = ServiceState(phase=Phase.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state of the whole stack at one look."""

    timescaledb: ServiceState = ABSENT
    litellm: ServiceState = ABSENT
    lost: str = ""  # why the engine is out of reach; empty while it answers
    # Containers that carry this stack's labels and are none of it: name and image. Of a look; an observer has none.
    strangers: tuple[tuple[str, str], ...] = field(default=(), compare=False)

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
        """Return the snapshot while the engine cannot be asked: every phase is unknown."""
        return cls(timescaledb=UNKNOWN, litellm=UNKNOWN, lost=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEvent:
    """One engine event about a container of the stack. ``at_ns`` is the engine's ``timeNano``."""

    service: Service
    action: str  # Docker's: start, die, kill, stop, oom, destroy, health_status, ...
    at_ns: int
    container_id: str = ""
    exit_code: int | None = None
    signal: int | None = None
    health: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A service changed its phase or its container. ``at_ns`` is the time by the engine's clock, if known."""

    service: Service
    before: ServiceState
    after: ServiceState
    at_ns: int | None
    cause: str

    @property
    def restarted(self) -> bool:
        """Whether the same container was restarted in between."""
        return (
            bool(self.before.id) and self.before.id == self.after.id and self.before.started_ns != self.after.started_ns
        )

    @property
    def replaced(self) -> bool:
        """Whether another container has taken its place."""
        return bool(self.before.id and self.after.id) and self.before.id != self.after.id


def parse_time(text: str | None) -> int | None:
    """Return an RFC 3339 time as nanoseconds since the epoch; ``None`` for Docker's zero time and for no text.

    Python's own parser stops at microseconds; the engine's times have nanoseconds.

    :raises ValueError: if the text is not a time
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
    """Return nanoseconds since the epoch as an RFC 3339 time in UTC, to the millisecond."""
    if at_ns is None:
        return None
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_json(state: ServiceState) -> dict[str, object]:
    """Return a state as JSON values: times as RFC 3339, unset fields left out."""
    row: dict[str, object] = {}
    for spec in fields(state):
        value = getattr(state, spec.name)
        if spec.name == "labels" or (value in (None, "", False) and spec.name != "restarts"):
            continue
        name, value = (spec.name[:-3] + "_at", format_time(value)) if spec.name.endswith("_ns") else (spec.name, value)
        row[name] = value
    return row

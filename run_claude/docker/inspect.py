"""The engine's JSON as our values. Raw JSON stops here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from run_claude.domain.lifecycle import (
    ABSENT,
    ContainerEvent,
    Phase,
    Service,
    ServiceState,
    Snapshot,
    parse_time,
    phase_of,
)
from run_claude.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ONEOFF_LABEL",
    "PROJECT_LABEL",
    "SERVICE_LABEL",
    "Found",
    "Json",
    "container_event",
    "container_of",
    "service_of",
    "service_state",
    "snapshot_of",
]

Json = dict[str, Any]
Found = tuple[Service, ServiceState]  # a container of ours: whose it is, and what it does

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
ONEOFF_LABEL = "com.docker.compose.oneoff"
CONFIG_HASH_LABEL = "com.docker.compose.config-hash"
INPUTS_LABEL = "run-claude.inputs"


# States that only Podman has, in some versions of its compat API.
_PODMAN = {"configured": "created", "initialized": "created", "stopping": "running", "stopped": "exited"}


def service_of(labels: Json) -> Service | None:
    """Return which of our services the labels name; ``None`` for one-off containers and other services."""
    if str(labels.get(ONEOFF_LABEL, "False")) == "True":
        return None
    name = labels.get(SERVICE_LABEL)
    return Service(name) if name in set(Service) else None


def service_state(raw: Json) -> ServiceState:
    """Return the state that ``GET /containers/{id}/json`` shows."""
    state, config = raw["State"], raw.get("Config") or {}
    labels: Json = config.get("Labels") or {}
    # Podman's compat API calls it Healthcheck in some versions.
    health: Json = state.get("Health") or state.get("Healthcheck") or {}
    phase = phase_of(_PODMAN.get(state["Status"], state["Status"]), health.get("Status") or "")
    log: list[Json] = health.get("Log") or []
    started_ns = parse_time(state.get("StartedAt"))
    return ServiceState(
        phase=phase,
        id=raw["Id"],
        name=raw.get("Name", "").lstrip("/"),
        created_ns=parse_time(raw.get("Created")),
        started_ns=started_ns,
        finished_ns=parse_time(state.get("FinishedAt")),
        exit_code=state.get("ExitCode") if phase in (Phase.EXITED, Phase.RESTARTING) else None,
        oom_killed=bool(state.get("OOMKilled")),
        restarts=int(raw.get("RestartCount") or 0),
        error=state.get("Error") or "",
        health_output=str(log[-1].get("Output") or "").strip() if log else "",
        healthy_ns=_first_success(log, started_ns) if phase is Phase.HEALTHY else None,
        image=config.get("Image") or "",
        config_hash=labels.get(CONFIG_HASH_LABEL, ""),
        inputs=labels.get(INPUTS_LABEL, ""),
        labels=tuple(sorted((str(key), str(value)) for key, value in labels.items())),
    )


def _first_success(log: list[Json], started_ns: int | None) -> int | None:
    """Return when the newest unbroken run of good probes began, as far as the engine's last five say.

    A restarted container keeps the probes of its life before.
    """
    first = None
    for probe in reversed(log):
        ended_ns = parse_time(probe.get("End"))
        if probe.get("ExitCode") != 0 or (ended_ns or 0) < (started_ns or 0):
            break
        first = ended_ns
    return first


def container_of(raw: Json) -> Found | None:
    """Return an inspected container, or ``None`` if it is not of a service of ours.

    :raises EngineError: if it is no inspected container at all
    """
    try:
        service = service_of((raw.get("Config") or {}).get("Labels") or {})
        return None if service is None else (service, service_state(raw))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise EngineError(
            f"The Docker engine's answer cannot be understood: {error}",
            help="Run `docker info`; if the engine is newer than run-claude, update run-claude.",
            code="engine-answer",
        ) from error


def snapshot_of(containers: Iterable[Found]) -> Snapshot:
    """Return the snapshot for the containers of one project.

    While Compose recreates a service there are two containers of it: the running one counts, and of several
    the one created last.
    """
    best: dict[Service, ServiceState] = {}
    for service, state in containers:
        other = best.get(service)
        if other is None or _rank(state) > _rank(other):
            best[service] = state
    return Snapshot(timescaledb=best.get(Service.TIMESCALEDB, ABSENT), litellm=best.get(Service.LITELLM, ABSENT))


def _rank(state: ServiceState) -> tuple[bool, int]:
    return state.running, state.created_ns or 0


def container_event(raw: Json) -> ContainerEvent | None:
    """Return the event of ``GET /events``, or ``None`` if it is not about a service of ours.

    Uses ``Type``, ``Action`` and ``Actor`` only: ``id``, ``status`` and ``from`` vanish at API 1.52. Podman sends a
    bare ``health_status`` with the value in ``HealthStatus``, and ``remove`` for ``destroy``.
    """
    actor: Json = raw.get("Actor") or {}
    attributes: Json = actor.get("Attributes") or {}
    service = service_of(attributes)
    action = raw.get("Action")
    if raw.get("Type") != "container" or service is None or not isinstance(action, str):
        return None
    action, _, value = action.partition(": ")
    return ContainerEvent(
        service=service,
        action={"remove": "destroy", "died": "die"}.get(action, action),
        at_ns=int(raw.get("timeNano") or 0),
        container_id=str(actor.get("ID") or ""),
        exit_code=_number(attributes.get("exitCode", attributes.get("containerExitCode"))),
        signal=_number(attributes.get("signal")),
        health=value or str(raw.get("HealthStatus") or ""),
    )


def _number(text: object) -> int | None:
    return int(text) if isinstance(text, str | int) and str(text).lstrip("-").isdigit() else None

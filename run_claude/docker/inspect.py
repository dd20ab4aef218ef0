"""Convert the engine's JSON into the domain's values. Raw JSON goes no further."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from run_claude.domain.causes import caused
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
    "stranger_of",
]

Json = dict[str, Any]
Found = tuple[Service, ServiceState]  # a container of the stack: its service and its state

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
ONEOFF_LABEL = "com.docker.compose.oneoff"
CONFIG_HASH_LABEL = "com.docker.compose.config-hash"
INPUTS_LABEL = "run-claude.inputs"


_NOT_CONNECTED = "it is not connected to its network"
_PROBES_KEPT = 5  # by the engine, of each container
_OWN_NETWORKS = frozenset({"", "default", "bridge", "host", "none", "slirp4netns", "pasta", "private"})  # the engine's

# States that only Podman reports, in some versions of its compat API.
_PODMAN = {"configured": "created", "initialized": "created", "stopping": "running", "stopped": "exited"}


def service_of(labels: Json) -> Service | None:
    """Return the service that the labels name; ``None`` for one-off containers and services that are not ours."""
    if str(labels.get(ONEOFF_LABEL, "False")) == "True":
        return None
    name = labels.get(SERVICE_LABEL)
    return Service(name) if name in set(Service) else None


def service_state(raw: Json) -> ServiceState:
    """Return the state in the JSON of ``GET /containers/{id}/json``."""
    state, config = raw["State"], raw.get("Config") or {}
    labels: Json = config.get("Labels") or {}
    # Podman's compat API calls it Healthcheck in some versions.
    health: Json = state.get("Health") or state.get("Healthcheck") or {}
    phase = phase_of(_PODMAN.get(state["Status"], state["Status"]), health.get("Status") or "")
    if (cut_off := _cut_off(raw)) and phase in (Phase.HEALTHY, Phase.STARTING):
        phase = Phase.UNHEALTHY  # its own health check asks from inside, and goes on being well
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
        cut_off=cut_off,
        error=state.get("Error") or "",
        health_output=_NOT_CONNECTED if cut_off else str(log[-1].get("Output") or "").strip() if log else "",
        healthy_ns=_first_success(log, started_ns) if phase is Phase.HEALTHY else None,
        image=config.get("Image") or "",
        image_id=str(raw.get("Image") or ""),
        published=_published(raw),
        config_hash=labels.get(CONFIG_HASH_LABEL, ""),
        inputs=labels.get(INPUTS_LABEL, ""),
        labels=tuple(sorted((str(key), str(value)) for key, value in labels.items())),
    )


def _cut_off(raw: Json) -> bool:
    """Whether the container was disconnected from the network that it was created for.

    `docker network disconnect` leaves no event with a label, and the container does not come back by a restart.
    """
    mode = str((raw.get("HostConfig") or {}).get("NetworkMode") or "")
    networks = (raw.get("NetworkSettings") or {}).get("Networks")
    if not isinstance(networks, dict) or mode in _OWN_NETWORKS or ":" in mode:
        return False
    return mode not in networks and all((network or {}).get("NetworkID") != mode for network in networks.values())


def _published(raw: Json) -> str:
    """Return the address that a container's port was published at when it was created; empty without one."""
    for bindings in ((raw.get("HostConfig") or {}).get("PortBindings") or {}).values():
        for binding in bindings or []:
            host = str(binding.get("HostIp") or "0.0.0.0")  # noqa: S104 (as the engine understands none)
            return f"{f'[{host}]' if ':' in host else host}:{binding.get('HostPort')}"
    return ""


def _first_success(log: list[Json], started_ns: int | None) -> int | None:
    """Return when the newest unbroken run of successful probes began; ``None`` if that is not known any more.

    The engine keeps the last five: where all succeeded, the run began before them. A restarted container keeps the
    probes from before the restart.
    """
    first = None
    for probe in reversed(log):
        ended_ns = parse_time(probe.get("End"))
        if probe.get("ExitCode") != 0 or (ended_ns or 0) < (started_ns or 0):
            return first
        first = ended_ns
    return first if len(log) < _PROBES_KEPT else None


def container_of(raw: Json) -> Found | None:
    """Return an inspected container, or ``None`` if it belongs to no service of ours.

    Labels alone make none: anybody's container may carry them.

    :raises EngineError: if the JSON is not that of a container
    """
    try:
        service = service_of((raw.get("Config") or {}).get("Labels") or {})
        return None if service is None or not _fits(raw, service) else (service, service_state(raw))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise caused("engine-answer", f"The Docker engine's answer cannot be understood: {error}") from error


def stranger_of(raw: Json) -> tuple[str, str] | None:
    """Return name and image of a container that carries a service's labels and is none of ours; else ``None``."""
    config: Json = raw.get("Config") or {}
    service = service_of(config.get("Labels") or {})
    if service is None or _fits(raw, service):
        return None
    return str(raw.get("Name") or "").lstrip("/"), str(config.get("Image") or "")


def _fits(raw: Json, service: Service) -> bool:
    """Whether a container is made as ours are: with the service's name for its own, and with a health check.

    Compose puts twelve digits before the name while it recreates a container; a user may put something behind it.
    """
    config: Json = raw.get("Config") or {}
    name = f"{(config.get('Labels') or {}).get(PROJECT_LABEL, '')}-{service}"
    test = (config.get("Healthcheck") or {}).get("Test") or []
    named = re.fullmatch(rf"/?([0-9a-f]{{12}}_)?{re.escape(name)}([-_].+)?", str(raw.get("Name") or ""))
    return named is not None and bool(test) and test[0] != "NONE"


def snapshot_of(containers: Iterable[Found]) -> Snapshot:
    """Return the snapshot of one project's containers.

    While Compose recreates a service, it has two containers. The running one counts; of several, that of the name, or
    the newest.
    """
    best: dict[Service, ServiceState] = {}
    for service, state in containers:
        other = best.get(service)
        if other is None or _rank(state) > _rank(other):
            best[service] = state
    return Snapshot(timescaledb=best.get(Service.TIMESCALEDB, ABSENT), litellm=best.get(Service.LITELLM, ABSENT))


def _rank(state: ServiceState) -> tuple[bool, bool, int]:
    by_its_name = state.name == f"{state.label(PROJECT_LABEL)}-{state.label(SERVICE_LABEL)}"
    return state.running, by_its_name, state.created_ns or 0


def container_event(raw: Json) -> ContainerEvent | None:
    """Return an event of ``GET /events``, or ``None`` if it concerns no service of ours.

    Reads ``Type``, ``Action`` and ``Actor`` only: API 1.52 drops ``id``, ``status`` and ``from``. Podman sends
    ``health_status`` with its value in ``HealthStatus``, and ``remove`` for ``destroy``.
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

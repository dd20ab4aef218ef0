"""A container of the fake engine: what it is, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from run_claude.domain.lifecycle import Phase, Service

if TYPE_CHECKING:
    from tests.fake.inventory import Inventory

__all__ = ["Container", "Json", "rfc3339"]

Json = dict[str, Any]

_ZERO_TIME = "0001-01-01T00:00:00Z"
_STATUS = {
    Phase.CREATED: ("created", ""),
    Phase.STARTING: ("running", "starting"),
    Phase.HEALTHY: ("running", "healthy"),
    Phase.UNHEALTHY: ("running", "unhealthy"),
    Phase.RESTARTING: ("restarting", "unhealthy"),
    Phase.PAUSED: ("paused", "unhealthy"),  # what engines report for compatibility
    Phase.EXITED: ("exited", "unhealthy"),
    Phase.REMOVING: ("removing", "unhealthy"),
}


def rfc3339(at_ns: int) -> str:
    """Return a time as the engine writes it: with nanoseconds."""
    if not at_ns:
        return _ZERO_TIME
    whole = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{at_ns % 1_000_000_000:09d}Z"


@dataclass(eq=False)
class Container:
    """One container. ``becomes`` changes what it is, ``says`` tells an event; the verbs do both, as an engine does."""

    engine: Inventory
    service: Service
    id: str
    project: str
    phase: Phase = Phase.HEALTHY
    created_ns: int = 0
    started_ns: int = 0
    finished_ns: int = 0
    exit_code: int = 0
    restarts: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    odd: Json = field(default_factory=dict)  # what inspect shows of its state instead
    cut_off: bool = False  # from its network
    image: str = "run-claude/litellm:test"
    log: list[str] = field(default_factory=list)  # what it has printed
    healthy_ns: int = 0  # when a health check first succeeded
    check: Json = field(default_factory=lambda: {"Healthcheck": {"Test": ["CMD", "/app/healthcheck"]}})
    names: str = ""  # its name, where it is another than Compose's
    volumes: list[str] = field(default_factory=list)  # that are mounted in it
    published: str = ""  # where its port is published: 127.0.0.1:4444
    image_id: str = ""  # of the image that it was made from, where the tag is another image now

    @property
    def name(self) -> str:
        """Its name, as Compose is told to give it."""
        return self.names or f"{self.project}-{self.service}"

    @property
    def all_labels(self) -> dict[str, str]:
        """Compose's labels and its own."""
        return {
            "com.docker.compose.project": self.project,
            "com.docker.compose.service": self.service.value,
            "com.docker.compose.oneoff": "False",
            **self.labels,
        }

    def becomes(self, phase: Phase, *, exit: int = 0) -> None:
        """Change what it is, and say nothing."""
        now = self.engine.now()
        was_running = self.phase in (Phase.STARTING, Phase.HEALTHY, Phase.UNHEALTHY, Phase.PAUSED)
        if phase in (Phase.STARTING, Phase.HEALTHY) and not was_running:
            self.started_ns = now
        if phase is Phase.HEALTHY:
            self.healthy_ns = now
        if phase in (Phase.EXITED, Phase.RESTARTING):
            self.finished_ns, self.exit_code = now, exit
        self.phase = phase

    def says(self, action: str, *, exit: int | None = None, signal: int | None = None) -> Json:
        """Tell an event, whatever is. Return it as it was told."""
        attributes = {"name": self.name, "image": "run-claude/litellm:test", **self.all_labels}
        if exit is not None:
            attributes["exitCode"] = str(exit)
        if signal is not None:
            attributes["signal"] = str(signal)
        at_ns = self.engine.now()
        return self.engine.tell(
            {
                "status": action,
                "id": self.id,
                "from": "run-claude/litellm:test",
                "Type": "container",
                "Action": action,
                "Actor": {"ID": self.id, "Attributes": attributes},
                "scope": "local",
                "time": at_ns // 1_000_000_000,
                "timeNano": at_ns,
            }
        )

    def dies(self, exit: int = 1) -> None:
        """Exit, without a restart policy."""
        self.becomes(Phase.EXITED, exit=exit)
        self.says("die", exit=exit)

    def starts(self) -> None:
        """Start, or start again."""
        self.becomes(Phase.STARTING)
        self.says("start")

    def turns(self, phase: Phase) -> None:
        """Change its health."""
        self.becomes(phase)
        self.says(f"health_status: {phase.value}")

    def goes(self) -> None:
        """Be removed."""
        self.engine.containers.remove(self)
        self.says("destroy")

    def inspected(self) -> Json:
        """Return what inspect shows."""
        status, health = _STATUS[self.phase]
        state: Json = {
            "Status": status,
            "Running": status in ("running", "paused", "restarting"),
            "ExitCode": self.exit_code,
            "OOMKilled": False,
            "Error": "",
            "StartedAt": rfc3339(self.started_ns),
            "FinishedAt": rfc3339(self.finished_ns),
        }
        if health:
            probes = [{"ExitCode": 0, "End": rfc3339(self.healthy_ns)}] if self.healthy_ns else []
            state["Health"] = {"Status": health, "FailingStreak": 0, "Log": probes}
        return {
            "Id": self.id,
            "Image": self.image_id or self.engine.image_ids.get(self.image, "sha256:1"),
            "Name": f"/{self.name}",
            "Created": rfc3339(self.created_ns),
            "RestartCount": self.restarts,
            "State": state | self.odd,
            "Config": {"Image": self.image, "Labels": self.all_labels, "Tty": True} | self.check,
            "HostConfig": {"NetworkMode": "net", "PortBindings": self._bindings()},
            "NetworkSettings": {"Networks": {} if self.cut_off else {"net": {"NetworkID": "n1"}}},
        }

    def listed(self) -> Json:
        """Return what a list of containers shows."""
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "Ports": [{"PublicPort": self.port}] if self.port else [],
            "Labels": self.all_labels,
            "ImageID": f"sha256:{self.image}",
            "State": _STATUS[self.phase][0],
            "Mounts": [{"Type": "volume", "Name": name} for name in self.volumes],
        }

    @property
    def port(self) -> int:
        """The published port; 0 without one."""
        return int(self.published.rpartition(":")[2] or 0)

    def _bindings(self) -> Json:
        host, _, port = self.published.rpartition(":")
        return {"1/tcp": [{"HostIp": host.strip("[]"), "HostPort": port}]} if port else {}

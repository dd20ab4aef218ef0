"""What was last started, on disk: whether what runs is what would be started now, and if not, what has changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from run_claude.config.files import read_bytes, write_if_changed
from run_claude.domain.lifecycle import Service

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from run_claude.deploy.plan import Prepared
    from run_claude.domain.lifecycle import Snapshot

__all__ = ["drift", "matches", "record"]


def record(prepared: Prepared, snapshot: Snapshot, services: Sequence[Service]) -> None:
    """Remember that these containers were started from this.

    :raises ConfigError: if it cannot be written
    """
    last = _recorded(prepared.applied_file)
    row = {
        "fingerprint": prepared.fingerprint,
        "containers": last.containers | {service.value: snapshot[service].id for service in services},
        "definitions": last.definitions | {service.value: snapshot[service].config_hash for service in services},
    }
    write_if_changed(prepared.applied_file, json.dumps(row) + "\n")


def matches(prepared: Prepared, snapshot: Snapshot, services: Sequence[Service]) -> bool:
    """Whether the services' containers are those that a start would leave alone."""
    last = _recorded(prepared.applied_file)
    return last.fingerprint == prepared.fingerprint and all(last.made(service, snapshot) for service in services)


def drift(prepared: Prepared, snapshot: Snapshot) -> list[str]:
    """Return what a start would change about the containers there are, in words; nothing for one that is not there."""
    litellm, found = snapshot[Service.LITELLM], []
    if litellm.id and litellm.image != prepared.image:
        found.append("the image's build inputs have changed")
    if litellm.id and litellm.inputs != prepared.inputs:
        found.append("the proxy's configuration or keys have changed")
    last = _recorded(prepared.applied_file)
    there = [service for service in Service if snapshot[service].id]
    if not found and there:
        if not all(last.made(service, snapshot) for service in there):
            found.append("a container was made by something else than the last start")
        elif last.fingerprint != prepared.fingerprint:
            found.append("settings or the compose file have changed")
    return found


@dataclass(frozen=True, slots=True)
class _Last:
    """The last start: its fingerprint, and of each service the container and Compose's hash of its definition."""

    fingerprint: str = ""
    containers: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)

    def made(self, service: Service, snapshot: Snapshot) -> bool:
        """Whether the container is the one of the last start, or one that `watch` has made anew just like it."""
        state = snapshot[service]
        same = bool(state.config_hash) and self.definitions.get(service.value) == state.config_hash
        return bool(state.id) and (same or self.containers.get(service.value) == state.id)


def _recorded(path: Path) -> _Last:
    """Return the last start; a broken file counts as none, and costs one `compose up` that does nothing."""
    try:
        row = json.loads(read_bytes(path) or b"{}")
        containers, definitions = (
            {str(service): str(mark) for service, mark in row.get(key, {}).items()}
            for key in ("containers", "definitions")
        )
        return _Last(str(row.get("fingerprint", "")), containers, definitions)
    except (ValueError, AttributeError, RecursionError):
        return _Last()

"""What was last started, on disk: whether what runs is what would be started now, and if not, what has changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from run_claude.config.files import read_bytes, write_if_changed
from run_claude.core.lifecycle import Service

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from run_claude.config.prepare import Prepared
    from run_claude.core.lifecycle import Snapshot

__all__ = ["drift", "matches", "record"]


def record(prepared: Prepared, snapshot: Snapshot, services: Sequence[Service]) -> None:
    """Remember that these containers were started from this.

    :raises ConfigError: if it cannot be written
    """
    containers = {service.value: snapshot[service].id for service in services}
    row = {"fingerprint": prepared.fingerprint, "containers": _recorded(prepared.applied_file)[1] | containers}
    write_if_changed(prepared.applied_file, json.dumps(row) + "\n")


def matches(prepared: Prepared, snapshot: Snapshot, services: Sequence[Service]) -> bool:
    """Whether the services' containers are those that a start would leave alone."""
    fingerprint, containers = _recorded(prepared.applied_file)
    return fingerprint == prepared.fingerprint and all(
        snapshot[service].id and containers.get(service.value) == snapshot[service].id for service in services
    )


def drift(prepared: Prepared, snapshot: Snapshot) -> list[str]:
    """Return what a start would change about the containers there are, in words; nothing for one that is not there."""
    litellm, found = snapshot[Service.LITELLM], []
    if litellm.id and litellm.image != prepared.image:
        found.append("the image's build inputs have changed")
    if litellm.id and litellm.inputs != prepared.inputs:
        found.append("the proxy's configuration or keys have changed")
    fingerprint, containers = _recorded(prepared.applied_file)
    there = [service for service in Service if snapshot[service].id]
    if not found and there:
        if any(containers.get(service.value) != snapshot[service].id for service in there):
            found.append("a container was made by something else than the last start")
        elif fingerprint != prepared.fingerprint:
            found.append("settings or the compose file have changed")
    return found


def _recorded(path: Path) -> tuple[str, dict[str, str]]:
    """Return fingerprint and containers; a broken file counts as none, and costs one `compose up` that does nothing."""
    try:
        row = json.loads(read_bytes(path) or b"{}")
        return str(row.get("fingerprint", "")), {str(name): str(id) for name, id in row.get("containers", {}).items()}
    except (ValueError, AttributeError, RecursionError):
        return "", {}

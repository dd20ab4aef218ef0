"""What the last successful start made, on disk: which containers, from which definition."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import run_claude
from run_claude.config.files import write_if_changed
from run_claude.state import reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from run_claude.domain.lifecycle import Service, Snapshot

__all__ = ["Applied", "load_applied", "record_applied"]


@dataclass(frozen=True, slots=True)
class Applied:
    """The last start.

    :param fingerprint: hash of all that Compose was given
    :param containers: the container's ID, by service
    :param definitions: Compose's hash of the service definition, by service
    :param release: the version of run-claude; empty before it was kept
    """

    fingerprint: str = ""
    containers: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    release: str = ""

    def made(self, service: Service, snapshot: Snapshot) -> bool:
        """Whether the service's container is the one of this start, or one that `watch` has made from the same."""
        state = snapshot[service]
        same = bool(state.config_hash) and self.definitions.get(service.value) == state.config_hash
        return bool(state.id) and (same or self.containers.get(service.value) == state.id)


def load_applied(path: Path) -> Applied:
    """Return the last start; a broken file counts as none, and costs one `compose up` that does nothing."""
    return reader.load(path, _applied)[0] or Applied()


def record_applied(path: Path, fingerprint: str, snapshot: Snapshot, services: Sequence[Service]) -> None:
    """Remember that these services' containers were made from what has this fingerprint.

    :raises ConfigError: if it cannot be written
    """
    last = load_applied(path)
    row = {
        "fingerprint": fingerprint,
        "containers": {**last.containers, **{service.value: snapshot[service].id for service in services}},
        "release": run_claude.__version__,
        "definitions": {**last.definitions, **{service.value: snapshot[service].config_hash for service in services}},
    }
    write_if_changed(path, json.dumps(row) + "\n")


def _applied(row: reader.Fields) -> Applied:
    return Applied(
        row.text("fingerprint", ""), row.texts("containers"), row.texts("definitions"), row.text("release", "")
    )

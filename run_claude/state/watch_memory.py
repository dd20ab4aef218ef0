"""The watcher's memory on disk, so that a budget and a stop on purpose outlive the watcher."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from run_claude.config.files import read_bytes, write_if_changed
from run_claude.domain.lifecycle import Service
from run_claude.domain.supervision import Block, Memory, Stop
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load_memory", "save_memory"]


def load_memory(path: Path) -> Memory:
    """Return what the last watcher knew; a file that cannot be understood counts as none."""
    try:
        row: dict[str, Any] = json.loads(read_bytes(path) or b"{}")
        stops = {Service(name): Stop(str(stop["container"]), float(stop["at"])) for name, stop in row["stops"].items()}
        block = Block(**row["block"]) if row["block"] else None
        return Memory(
            attempts=tuple(float(at) for at in row["attempts"]),
            consecutive_failures=int(row["consecutive_failures"]),
            last=float(row["last"]),
            stops=stops,
            block=block,
            intended=float(row["intended"]),
            acting=str(row["acting"]),
        )
    except (ConfigError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Memory()


def save_memory(path: Path, memory: Memory) -> None:
    """Write what the next watcher has to know.

    :raises ConfigError: if it cannot be written
    """
    row = {
        "attempts": memory.attempts,
        "consecutive_failures": memory.consecutive_failures,
        "last": memory.last,
        "stops": {service.value: asdict(stop) for service, stop in memory.stops.items()},
        "block": asdict(memory.block) if memory.block else None,
        "intended": memory.intended,
        "acting": memory.acting,
    }
    write_if_changed(path, json.dumps(row) + "\n")

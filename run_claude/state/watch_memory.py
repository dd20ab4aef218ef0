"""The watcher's memory on disk: the budget and a stop on purpose outlive the watcher."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from run_claude.config.files import write_if_changed
from run_claude.domain.lifecycle import Service
from run_claude.domain.supervision_memory import Block, Memory, Stop
from run_claude.state import reader

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load_memory", "save_memory"]


def load_memory(path: Path) -> Memory:
    """Return what the last watcher knew; a missing or broken file counts as nothing."""
    return reader.load(path, _memory)[0] or Memory()


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


def _memory(row: reader.Fields) -> Memory:
    block = row.optional("block")
    return Memory(
        attempts=row.numbers("attempts"),
        consecutive_failures=row.whole("consecutive_failures"),
        last=row.number("last"),
        stops=_stops(row.child("stops")),
        block=_block(block) if block is not None else None,
        intended=row.number("intended"),
        acting=row.text("acting"),
    )


def _stops(rows: reader.Fields) -> dict[Service, Stop]:
    found = {}
    for name in rows:
        if name in tuple(Service):  # another release may know more services
            row = rows.child(name)
            found[Service(name)] = Stop(row.text("container"), row.number("at"))
    return found


def _block(row: reader.Fields) -> Block:
    return Block(
        code=row.text("code"),
        message=row.text("message"),
        help=row.text("help"),
        since=row.number("since"),
        fingerprint=row.text("fingerprint"),
        tried=row.number("tried"),
    )

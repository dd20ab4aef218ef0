"""What a command has stopped in order to start it again, on disk: left over, the command was killed in between.

The file is there while the command works. The watcher, or the next command that starts, finishes what it names.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from run_claude.config.files import write_atomic
from run_claude.domain.lifecycle import Service
from run_claude.state import reader

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Unfinished", "forget_unfinished", "load_unfinished", "save_unfinished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """What is to be finished.

    :param command: which command has begun it: ``proxy restart``
    :param services: what is to run again
    :param password: the database may not know the password in `.env` yet
    """

    command: str
    services: tuple[Service, ...] = ()
    password: bool = False


def load_unfinished(path: Path) -> Unfinished | None:
    """Return what is unfinished; ``None`` if nothing is. A broken file counts as none."""
    return reader.load(path, _unfinished)[0]


def save_unfinished(path: Path, unfinished: Unfinished) -> None:
    """Write what is unfinished from now on.

    :raises ConfigError: if it cannot be written
    """
    write_atomic(path, json.dumps(_row(unfinished)) + "\n")


def forget_unfinished(path: Path) -> None:
    """Take note that nothing is unfinished."""
    path.unlink(missing_ok=True)


def _row(unfinished: Unfinished) -> dict[str, object]:
    services = [service.value for service in unfinished.services]
    return {"command": unfinished.command, "services": " ".join(services), "password": unfinished.password}


def _unfinished(row: reader.Fields) -> Unfinished:
    known = {service.value: service for service in Service}
    names = row.text("services").split()
    return Unfinished(
        command=row.text("command"),
        services=tuple(known[name] for name in names if name in known),
        password=row.switch("password"),
    )

"""What the user wants of an instance, on disk: `watch` heals what should run, and nothing else."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from run_claude.config.files import read_bytes, write_atomic
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Intent", "load_intent", "save_intent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is wanted, and since when (seconds since the epoch)."""

    wanted: Literal["up", "down"]
    database: bool
    profile: str
    at: float = field(default_factory=time.time)


def load_intent(path: Path) -> tuple[Intent | None, str]:
    """Return the intent, and a note. A file that cannot be understood counts as none: the note says so."""
    try:
        data = read_bytes(path)
    except ConfigError as error:
        return None, error.message
    if data is None:
        return None, ""
    try:
        found = json.loads(data)
        wanted, database, profile, at = (found[key] for key in ("wanted", "database", "profile", "at"))
        if wanted not in ("up", "down") or not isinstance(database, bool) or not isinstance(profile, str):
            raise ValueError
        return Intent(wanted=wanted, database=database, profile=profile, at=float(at)), ""
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return None, f"{path} cannot be understood and is passed over; the next start writes it anew."


def save_intent(path: Path, intent: Intent) -> None:
    """Write the intent.

    :raises ConfigError: if it cannot be written
    """
    write_atomic(path, json.dumps(asdict(intent)) + "\n")

"""What the user wants of an instance, on disk: `watch` heals what should run, and nothing else."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from run_claude.config.files import write_atomic
from run_claude.domain.remembered import OFF, Word
from run_claude.state import reader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Intent", "load_intent", "save_intent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is wanted, and since when (seconds since the epoch). ``said``: by options that stand for a variable."""

    wanted: Literal["up", "down"]
    database: bool
    profile: str
    said: Mapping[str, Word] = field(default_factory=dict)
    at: float = field(default_factory=time.time)


def load_intent(path: Path) -> tuple[Intent | None, str]:
    """Return the intent and a note. A broken file counts as none, and the note names what is broken."""
    intent, note = reader.load(path, _intent)
    if intent is not None and not intent.profile:
        intent = None  # an older release's, of a stop before the first start: its `database` is nobody's word
    return intent, note


def save_intent(path: Path, intent: Intent) -> None:
    """Write the intent.

    :raises ConfigError: if it cannot be written
    """
    write_atomic(path, json.dumps(asdict(intent)) + "\n")


def _intent(row: reader.Fields) -> Intent:
    wanted = row.text("wanted")
    if wanted not in ("up", "down"):
        raise reader.Broken(f"wanted is {wanted!r}, not up or down")
    return Intent(
        wanted=cast("Literal['up', 'down']", wanted),
        database=row.switch("database"),
        profile=row.text("profile"),
        said=_said(row),
        at=row.number("at"),
    )


def _said(row: reader.Fields) -> dict[str, Word]:
    """Return the words; there are none in the file of an older release."""
    if row.optional("said") is None:
        return {}
    said = row.child("said")
    words = {name: Word(said.child(name).text("value"), said.child(name).text("over")) for name in said}
    if wrong := [word.value for word in words.values() if not re.fullmatch(rf"[1-9][0-9]{{0,4}}|{OFF}", word.value)]:
        raise reader.Broken(f"said has {wrong[0]!r}, which is no port")
    return words

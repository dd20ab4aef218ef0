"""What happened to an instance: starts, stops, transitions, what the watcher did. One JSON object a line.

Bounded, and safe to write from several processes and to be killed in: an append is one write, a line that was cut off
is passed over, and a file that has grown too long becomes the older of two.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from run_claude.config.files import exclusive
from run_claude.config.ownership import keep_owner
from run_claude.errors import RunClaudeError
from run_claude.state import reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["append", "read"]

LARGEST = 500_000  # bytes of one file, of which there are two: some 5,000 lines


def append(path: Path, event: str, facts: Mapping[str, Any]) -> None:
    """Add a line. What cannot be written is not: a history is no reason to fail."""
    row = {"at": round(time.time(), 3), "event": event, **facts}
    line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
    with suppress(OSError, RunClaudeError), exclusive(path.parent):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if not size:
                keep_owner(descriptor, path.parent)
            cut_off = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, b"\n" * cut_off + line)
        finally:
            os.close(descriptor)
        if size + len(line) > LARGEST:
            path.replace(_older(path))


def read(path: Path, *, since: float = 0.0) -> Iterator[dict[str, Any]]:
    """Yield what happened, oldest first, from ``since`` on (seconds since the epoch)."""
    for file in (_older(path), path):
        with suppress(FileNotFoundError), file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                with suppress(reader.Broken):
                    row = reader.decode(line, _row)
                    if row["at"] >= since:
                        yield row


def _row(fields: reader.Fields) -> dict[str, Any]:
    return fields.all() | {"event": fields.text("event"), "at": fields.number("at")}


def _older(path: Path) -> Path:
    return path.with_suffix(f".1{path.suffix}")

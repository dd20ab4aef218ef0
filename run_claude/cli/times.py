"""Parse points in time as people write them: ``90s``, ``15m``, ``2h``, ``7d`` ago, ``2026-11-01``."""

from __future__ import annotations

import re
from datetime import datetime

__all__ = ["parse_since"]

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)")


def parse_since(text: str, now: float) -> float:
    """Return a point in time, in seconds since the epoch: a length of time before ``now``, or a date.

    A date without a time zone is in the machine's own.

    :raises ValueError: if the text is neither
    """
    if found := _LENGTH.fullmatch(text.strip().lower()):
        return now - float(found[1]) * _UNITS[found[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a time. Write 90s, 15m, 2h, 7d or 2026-11-01.") from error

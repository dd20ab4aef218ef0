"""How people write a point of time: ``90s``, ``15m``, ``2h``, ``7d`` ago, ``2026-11-01``, ``2026-11-01T12:00``."""

from __future__ import annotations

import re
from datetime import datetime

__all__ = ["since"]

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)")


def since(text: str, now: float) -> float:
    """Return the point of time that is meant, in seconds since the epoch: so long before ``now``, or a date.

    A date without a time zone is in the machine's own.

    :raises ValueError: if it is neither
    """
    if found := _LENGTH.fullmatch(text.strip().lower()):
        return now - float(found[1]) * _UNITS[found[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no time: write 90s, 15m, 2h, 7d or 2026-11-01") from error

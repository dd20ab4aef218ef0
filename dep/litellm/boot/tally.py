"""What the guard refuses, counted and told in the log: nobody without a key writes a line for each request."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from dataclasses import dataclass, field

__all__ = ["Tally", "quiet_access_log"]

_TOLD_EVERY = 60  # seconds

log = logging.getLogger("uvicorn.error")
_refusing: contextvars.ContextVar[bool] = contextvars.ContextVar("refusing", default=False)  # each request has its own


@dataclass
class Tally:
    """What was refused since it was last told, by reason."""

    counts: dict[str, int] = field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None

    def count(self, reason: str) -> None:
        """Count one, the one that is being answered: the first is told at once, all others of a minute together."""
        _refusing.set(True)
        self.counts[reason] = self.counts.get(reason, 0) + 1
        if self._timer is None:
            self._tell()

    def _tell(self) -> None:
        self._timer = None
        if self.counts:
            said = ", ".join(f"{number} {reason}" for reason, number in sorted(self.counts.items()))
            log.warning("guard: refused requests: %s", said)
            self.counts.clear()
            self._timer = asyncio.get_running_loop().call_later(_TOLD_EVERY, self._tell)


def quiet_access_log() -> None:
    """Leave what is refused out of the access log."""
    logging.getLogger("uvicorn.access").addFilter(lambda record: not _refusing.get())

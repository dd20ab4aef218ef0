"""Report how much data a backup or a restore has read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from run_claude.domain.progress import Reporter

__all__ = ["Megabytes"]


class Megabytes:
    """Counts bytes, and reports each megabyte as a line of progress."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._bytes = 0

    def add(self, count: int) -> None:
        """Count bytes."""
        before, self._bytes = self._bytes >> 20, self._bytes + count
        if self._bytes >> 20 > before:
            self._reporter.line(f"{self._bytes >> 20} MB")

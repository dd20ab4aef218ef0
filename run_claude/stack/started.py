"""What a start returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from run_claude.deploy.plan import Prepared
    from run_claude.domain.lifecycle import Service, Snapshot
    from run_claude.domain.timeline import Span

__all__ = ["DEFAULT_TIMEOUT", "Started"]

DEFAULT_TIMEOUT = 180.0  # seconds to healthy; a first start with a database runs some 220 migrations


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A stack that is healthy, and how it got there."""

    snapshot: Snapshot
    services: tuple[Service, ...]
    prepared: Prepared
    already: bool  # it was healthy and up to date: nothing was done
    spans: tuple[Span, ...] = ()

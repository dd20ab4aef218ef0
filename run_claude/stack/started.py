"""What a start returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from run_claude.config.model import Profile
    from run_claude.domain.lifecycle import Service, Snapshot
    from run_claude.domain.timeline import Span

__all__ = ["DEFAULT_TIMEOUT", "Started"]

DEFAULT_TIMEOUT = 180.0  # seconds to healthy; a first start with a database runs some 220 migrations


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A stack that is healthy, and how it got there.

    :param snapshot: the services, as they were last seen
    :param services: those that were to be started, the database first
    :param profile: the profile that is served; its ``name`` is what `run-claude with` takes
    :param already: whether it was healthy and up to date: nothing was done
    :param spans: the steps of the start and their times, in seconds from its beginning; empty if ``already``
    """

    snapshot: Snapshot
    services: tuple[Service, ...]
    profile: Profile
    already: bool
    spans: tuple[Span, ...] = ()

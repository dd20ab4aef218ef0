"""What runs, in values and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Service

if TYPE_CHECKING:
    from run_claude.config.settings import Settings
    from run_claude.domain.lifecycle import Snapshot

__all__ = ["Status", "database_words", "services_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What runs, and how it differs from what would be started now."""

    settings: Settings
    snapshot: Snapshot
    services: tuple[Service, ...]  # those that are wanted
    endpoint: str
    profile: str
    wanted: str  # up, down; empty before the first start
    database: str  # in words: does LiteLLM use it, and if not, why
    drift: tuple[str, ...]
    watcher: str  # the command that watches it, in words; empty: none does


def services_of(database: bool) -> tuple[Service, ...]:
    """Return the services that are wanted, with the database or without."""
    return (Service.TIMESCALEDB, Service.LITELLM) if database else (Service.LITELLM,)


def database_words(settings: Settings, snapshot: Snapshot, *, uses: bool) -> str:
    """Return whether LiteLLM uses the database, and if not, why."""
    if not snapshot.timescaledb.running:
        return "not running; LiteLLM keeps nothing" if snapshot.litellm.running else "not running"
    if uses:
        return "used by LiteLLM"
    if not settings.prisma:
        return "runs beside LiteLLM, which does not use it (RUN_CLAUDE_PRISMA=off)"
    return "runs beside LiteLLM, which does not use it"

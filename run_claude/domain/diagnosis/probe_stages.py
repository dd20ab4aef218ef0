"""How far the proxy gets: running, answering, database connected, models listed. Never by a call that is billed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ProbeStages", "first_failing_stage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeStages:
    """What was found at each level; ``None`` where nobody has looked.

    :param answer: of ``/health/readiness``: its HTTP status, 0 for no answer at all
    :param database: LiteLLM's own word for it, ``connected``; empty if it is not to use one
    :param models: how many it lists; ``None`` also where it refuses the key
    """

    running: bool = True
    answer: int | None = None
    database: str = ""
    uses_database: bool = False
    models: int | None = None


def first_failing_stage(levels: ProbeStages) -> tuple[str, str]:
    """Return the first level that fails, and why in words; two empty strings if none does."""
    if not levels.running:
        return "running", "its container does not run"
    if levels.answer == 0:
        return "answering", "nothing answers on its port"
    if levels.answer is not None and levels.answer != 200:
        return "answering", f"/health/readiness answers {levels.answer}"
    if levels.uses_database and levels.answer is not None and levels.database != "connected":
        return "database", f"it answers, but says of its database: {levels.database or 'nothing'}"
    if levels.models == 0:
        return "models", "it answers, but lists no models"
    return "", ""

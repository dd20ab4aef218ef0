"""The stages of a healthy proxy: running, answering, database connected, models listed. No stage costs money."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ProbeStages", "first_failing_stage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeStages:
    """The result of each stage; ``None`` if it was not probed.

    :param answer: the HTTP status of ``/health/readiness``, 0 for no answer
    :param database: LiteLLM's own word, such as ``connected``; empty without a database
    :param models: how many it lists; ``None`` also if it rejects the key
    """

    running: bool = True
    answer: int | None = None
    database: str = ""
    uses_database: bool = False
    models: int | None = None


def first_failing_stage(stages: ProbeStages) -> tuple[str, str]:
    """Return the first stage that fails and why, for a message; two empty strings if none does."""
    if not stages.running:
        return "running", "its container is not running"
    if stages.answer == 0:
        return "answering", "nothing answers on its port"
    if stages.answer is not None and stages.answer != 200:
        return "answering", f"/health/readiness answers {stages.answer}"
    if stages.uses_database and stages.answer is not None and stages.database != "connected":
        return "database", f"it answers, but reports its database as: {stages.database or 'nothing'}"
    if stages.models == 0:
        return "models", "it answers, but lists no models"
    return "", ""

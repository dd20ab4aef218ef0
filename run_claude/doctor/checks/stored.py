"""Say what somebody has stored in LiteLLM's database: it is served beside what models.yaml says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.doctor.findings import Finding, Mark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from run_claude.gateway import Stored

__all__ = ["stored_findings"]


def stored_findings(found: Iterable[Stored]) -> list[Finding]:
    """Return a note for each model and credential."""
    return [_finding(one) for one in found]


def _finding(one: Stored) -> Finding:
    where = f" at {one.address}" if one.address else ""
    text = f"{one.kind} {one.name}{where} is stored in LiteLLM's database, by {one.made_by or 'somebody'}"
    if one.refused:
        text += "; it names a variable of the environment, and is not used"
    return Finding(
        check="stored",
        mark=Mark.NOTE,
        text=text,
        help="If nobody of yours has put it there, remove it in LiteLLM's pages: run-claude ui.",
        facts={"kind": one.kind, "name": one.name, "address": one.address, "refused": one.refused},
    )

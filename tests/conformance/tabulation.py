"""The outcomes of several gateways as a page: a row for each exchange, a column for each gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .runner import Case, Outcome

__all__ = ["tabulated"]

_SHOWN = 3  # names of providers where an exchange failed


def tabulated(todo: Iterable[Case], results: Mapping[str, Mapping[str, Outcome]]) -> str:
    """Return the page, in Markdown."""
    todo = list(todo)
    peers = list(results)
    lines = [
        "# Conformance",
        "",
        "Written by `scripts/bench conformance`: what Claude Code sends and must get, through each gateway, against a",
        "stub that refuses what each provider refuses (`tests/conformance`). A cell is the number of targets at which",
        "the exchange passed, of those that the gateway speaks to; after it, where it failed. Targets of this run:",
        f"{', '.join(sorted({case.target.name for case in todo}))}.",
        "",
        f"| exchange | {' | '.join(peers)} |",
        f"| --- |{' --- |' * len(peers)}",
    ]
    lines.append(f"| **all** | {' | '.join(_total(results[peer].values()) for peer in peers)} |")
    topic = ""
    for exchange in dict.fromkeys(case.exchange.name for case in todo):
        found = [case for case in todo if case.exchange.name == exchange]
        if found[0].exchange.topic != topic:
            topic = found[0].exchange.topic
            lines.append(f"| **{topic}** |{' |' * len(peers)}")
        cells = [_cell([results[peer][case.name] for case in found if case.name in results[peer]]) for peer in peers]
        lines.append(f"| {found[0].exchange.what} (`{exchange}`) | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _total(outcomes: Iterable[Outcome]) -> str:
    outcomes = list(outcomes)
    passed = sum(not outcome.problems for outcome in outcomes)
    return f"**{passed} of {len(outcomes)}**"


def _cell(outcomes: list[Outcome]) -> str:
    if not outcomes:
        return "-"
    failed = [outcome.case.target.name for outcome in outcomes if outcome.problems]
    named = ", ".join(failed[:_SHOWN]) + (f" and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else "")
    return f"{len(outcomes) - len(failed)}/{len(outcomes)}" + (f" ({named})" if failed else "")

"""The goals of the project. Reports show them; nothing fails on them, since times depend on the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from bench.measure import Report

__all__ = ["GOALS", "Goal", "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal, and the value that was measured."""

    goal: Goal
    value: float

    @property
    def reached(self) -> bool:
        """Whether the value is within the limit."""
        return self.value <= self.goal.limit


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit for a statistic of a series, or for its ratio to another contender."""

    text: str
    scenario: str
    contender: str
    metric: str
    limit: float
    unit: str = ""
    against: str = ""  # a contender: the limit is a ratio
    statistic: Literal["median", "p99", "worst"] = "median"

    def judge(self, report: Report) -> Verdict | None:
        """Return the verdict, or ``None`` if the report lacks the values."""
        result = report.find(self.scenario)
        series = result.find(self.contender, self.metric) if result else None
        if result is None or series is None:
            return None
        value: float = getattr(series.summary, self.statistic)
        if not self.against:
            return Verdict(self, value)
        base = result.find(self.against, self.metric)
        return Verdict(self, value / base.summary.median) if base and base.summary.median else None


_FLOOR, _OURS = "floor: docker run", "run-claude proxy start"

GOALS = (
    Goal("cold build, of the seed's", "build", "ours", "cold", 0.5, "x", against="seed"),
    Goal("image size, of the seed's", "build", "ours", "image size", 0.55, "x", against="seed"),
    Goal("rebuild after a callback changed", "build", "ours", "a callback changed", 2, "s"),
    Goal("absent → healthy, of the floor", "startup", _OURS, "absent → healthy", 1.35, "x", against=_FLOOR),
    Goal("stopped → healthy, of the floor", "startup", _OURS, "stopped → healthy", 1.15, "x", against=_FLOOR),
    *(
        Goal(text, "database", "used", metric, limit, "x", against="off")
        for text, metric, limit in (
            ("stopped → healthy with the database, of without", "stopped → healthy", 1.2),
            ("new volume → healthy with the database, of without", "new volume → healthy", 1.8),
        )
    ),
    Goal("image size with the database", "database", "used", "image size", 0.65 * 1292, "MB"),
    Goal("whole stack at rest, of a core", "database", "used", "processor at rest", 1, "%"),
    Goal("whole stack at rest, memory", "database", "used", "memory at rest", 700, "MB"),
    Goal("already healthy", "startup", _OURS, "already healthy", 0.25, "s"),
    Goal("reaction, 99th percentile", "reaction", "run-claude", "event → transition", 0.01, "s", statistic="p99"),
    Goal("burst, wrong final states", "burst", "run-claude", "wrong final states", 0, statistic="worst"),
    Goal("watch at rest, of a core", "idle", "run-claude", "processor, alone", 0.1, "%"),
    Goal("watch among busy neighbours, of a core", "idle", "run-claude", "processor, 500 neighbours", 0.1, "%"),
    Goal("watch, memory", "idle", "run-claude", "memory, alone", 60, "MB"),
    Goal("run-claude --version", "commands", "run-claude --version", "whole process", 0.08, "s"),
    Goal("run-claude env", "commands", "run-claude env demo", "whole process", 0.12, "s"),
    Goal("run-claude proxy status", "commands", "run-claude proxy status", "whole process", 0.3, "s"),
)

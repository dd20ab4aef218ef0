"""Measurements as values: series, waterfalls, results, and their statistics. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bar", "Report", "ScenarioResult", "Series", "Summary", "Waterfall", "summarise"]

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Summary:
    """The statistics of one series."""

    count: int
    median: float
    low: float  # first quartile
    high: float  # third quartile
    best: float
    worst: float
    p99: float


def summarise(values: Sequence[float]) -> Summary:
    """Return median, quartiles, extremes and the 99th percentile (the worst one, below 100 values).

    :raises ValueError: if there are no values
    """
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    low, median, high = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
    rank = min(len(ordered) - 1, int(len(ordered) * 0.99))
    return Summary(len(ordered), median, low, high, ordered[0], ordered[-1], ordered[rank])


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one metric of one contender, in the order of measurement."""

    contender: str
    metric: str
    unit: str
    values: tuple[float, ...]

    @property
    def summary(self) -> Summary:
        """The statistics of the values."""
        return summarise(self.values)


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of a waterfall, in seconds since the start of the command. Steps of one ``lane`` follow each other."""

    lane: str
    name: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Where the time of one run went."""

    contender: str
    total: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """The result of a scenario."""

    name: str
    title: str
    baseline: str  # the contender that the others are compared with
    series: tuple[Series, ...] = ()
    waterfalls: tuple[Waterfall, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0

    def find(self, contender: str, metric: str) -> Series | None:
        """Return a series, or ``None`` if it was not measured."""
        for series in self.series:
            if (series.contender, series.metric) == (contender, metric):
                return series
        return None

    def ratio(self, series: Series) -> float | None:
        """Return the ratio of a series' median to the baseline's."""
        base = self.find(self.baseline, series.metric)
        if base is None or base is series or not base.summary.median:
            return None
        return series.summary.median / base.summary.median


@dataclass(frozen=True, slots=True)
class Report:
    """One run of the benchmark."""

    created: str
    quick: bool
    machine: dict[str, str]
    scenarios: tuple[ScenarioResult, ...] = field(default=())

    def find(self, name: str) -> ScenarioResult | None:
        """Return the result of a scenario, or ``None`` if it did not run."""
        return next((result for result in self.scenarios if result.name == name), None)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Report:
        """Return the report that a JSON document holds.

        :raises ValueError: if it is no report of this schema
        """
        try:
            if document["schema"] != SCHEMA:
                raise ValueError(f"schema {document['schema']}, expected {SCHEMA}")
            return cls(
                created=document["created"],
                quick=document["quick"],
                machine=document["machine"],
                scenarios=tuple(_scenario(row) for row in document["scenarios"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"no report of this benchmark: {error!r}") from error


def _scenario(row: dict[str, Any]) -> ScenarioResult:
    return ScenarioResult(
        name=row["name"],
        title=row["title"],
        baseline=row["baseline"],
        series=tuple(
            Series(one["contender"], one["metric"], one["unit"], tuple(one["values"])) for one in row["series"]
        ),
        waterfalls=tuple(
            Waterfall(one["contender"], one["total"], tuple(Bar(**bar) for bar in one["bars"]))
            for one in row["waterfalls"]
        ),
        notes=tuple(row["notes"]),
        error=row["error"],
        seconds=row["seconds"],
    )

"""Statistics, ratios, goals and the report's JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.goals import GOALS, Goal
from bench.measure import SCHEMA, Bar, Report, ScenarioResult, Series, Waterfall, summarise
from bench.scenarios import NAMES, load
from bench.table import quantity


def series(contender: str, *values: float, metric: str = "cold") -> Series:
    return Series(contender, metric, "s", values)


def report(*found: Series) -> Report:
    result = ScenarioResult("build", "Building", "seed", found, (Waterfall("ours", 2.0, (Bar("a", "b", 0.0, 2.0),)),))
    return Report("2026-11-23T10:00:00Z", False, {"engine": "26.1.5"}, (result,))


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_a_summary_is_ordered(values: list[float]) -> None:
    found = summarise(values)
    assert found.best <= found.low <= found.median <= found.high <= found.worst
    assert found.best <= found.p99 <= found.worst
    assert found.count == len(values)


def test_the_99th_percentile_leaves_one_in_a_hundred_out() -> None:
    values = [float(value) for value in range(1000)]
    assert summarise(values).p99 == 990
    assert summarise([1.0, 2.0, 9.0]).p99 == 9.0


def test_nothing_measured_has_no_statistics() -> None:
    with pytest.raises(ValueError, match="nothing"):
        summarise([])


def test_a_ratio_is_of_medians_and_the_baseline_has_none() -> None:
    result = report(series("seed", 40, 44, 90), series("ours", 21, 22, 23)).scenarios[0]
    ours, seed = result.find("ours", "cold"), result.find("seed", "cold")
    assert ours is not None
    assert seed is not None
    assert result.ratio(ours) == 0.5
    assert result.ratio(seed) is None


def test_a_report_survives_json() -> None:
    before = report(series("ours", 1.5, 2.5))
    document = json.loads(json.dumps({"schema": SCHEMA, **asdict(before)}))
    assert Report.from_json(document) == before


@pytest.mark.parametrize("document", [{}, {"schema": SCHEMA}, {"schema": SCHEMA + 1}, []])
def test_what_is_no_report_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"report|schema"):
        Report.from_json(document)


def test_a_goal_is_reached_missed_or_not_measured() -> None:
    goal = Goal("cold build", "build", "ours", "cold", 0.5, "x", against="seed")
    for seconds, reached in ((20.0, True), (21.0, False)):
        verdict = goal.judge(report(series("seed", 40), series("ours", seconds)))
        assert verdict is not None
        assert verdict.reached is reached
    assert goal.judge(report(series("ours", 20))) is None
    assert goal.judge(report(series("seed", 40))) is None


def test_every_goal_belongs_to_a_scenario() -> None:
    assert {goal.scenario for goal in GOALS} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_says_what_it_is(name: str) -> None:
    scenario = load(name)
    assert name == scenario.NAME
    assert scenario.TITLE


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (41.52, "s", "41.5 s"),
        (0.2504, "s", "250 ms"),
        (0.00031, "s", "0.310 ms"),
        (0, "", "0"),
        (0.0016, "%", "0.00160 %"),
        (2656.4, "/s", "2,656 /s"),
    ],
)
def test_a_quantity_has_three_digits_and_a_unit(value: float, unit: str, shown: str) -> None:
    assert quantity(value, unit) == shown

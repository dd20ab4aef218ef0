"""What was used, from LiteLLM's sums."""

from __future__ import annotations

import json

import pytest

from run_claude.cli.context import App
from run_claude.cli.views.usage import amount, usage_screen
from run_claude.database.usage import By, Usage, parse_usage, summed, usage_sql


def line(day: str, model: str, key: str = "run-claude:groq", provider: str = "groq", **sums: float) -> str:
    row = {"requests": 1, "failed": 0, "input": 100, "cached": 0, "output": 10, "cost": 0.5, **sums}
    return json.dumps({"day": day, "model": model, "provider": provider, "key": key, **row})


LINES = [
    line("2026-11-26", "big", input=2000, cached=1500, cost=2.0),
    line("2026-11-27", "small", key="run-claude:mixed", cost=0.0, failed=1),
    line("2026-11-27", "big", key="", provider="openai", cost=0.25),
    line("2026-11-27", "big", key="from-the-pages"),
]


def test_a_profile_is_known_by_its_key_and_other_keys_by_their_names() -> None:
    assert [row.profile for row in parse_usage([*LINES, "(4 rows)"])] == ["groq", "mixed", "(none)", "from-the-pages"]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (By.DAY, [("2026-11-26", 1, 2.0), ("2026-11-27", 3, 0.75)]),
        (By.MODEL, [("big", 3, 2.75), ("small", 1, 0.0)]),
        (By.PROFILE, [("groq", 1, 2.0), ("from-the-pages", 1, 0.5), ("(none)", 1, 0.25), ("mixed", 1, 0.0)]),
        (By.PROVIDER, [("groq", 3, 2.5), ("openai", 1, 0.25)]),
    ],
)
def test_sums_are_by_what_is_asked_days_in_order_and_else_the_dearest_first(
    by: By, expected: list[tuple[str, int, float]]
) -> None:
    rows = summed(parse_usage(LINES), by)
    assert [(getattr(row, by), row.requests, row.cost) for row in rows] == expected


def test_the_sum_of_all_is_one_row() -> None:
    assert summed(parse_usage(LINES), None) == [
        Usage(requests=4, failed=1, input=2300, cached=1500, output=40, cost=2.75)
    ]
    assert summed([], None) == []


def test_a_day_is_a_literal_whatever_it_is() -> None:
    assert "u.date >= E'2026-''; DROP'" in usage_sql("2026-'; DROP")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "-"), (950, "950"), (12_345, "12.3k"), (999_999, "1000k"), (4_500_000, "4.5M"), (2 * 10**9, "2.0G")],
)
def test_tokens_take_few_columns(number: int, text: str) -> None:
    assert amount(number) == text


def test_the_screen_has_a_bar_for_each_row_and_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    usage_screen(App(), parse_usage(LINES), By.MODEL, "2026-10-29")
    head, big, small, total, _, since = capsys.readouterr().out.splitlines()
    assert head.split() == ["MODEL", "REQUESTS", "FAILED", "INPUT", "CACHED", "OUTPUT", "COST"]
    assert big.split()[:7] == ["big", "3", "-", "2.2k", "1.5k", "30", "$2.75"]
    assert big.endswith("█" * 24)
    assert small.split() == ["small", "1", "1", "100", "-", "10", "-"]
    assert total.split() == ["total", "4", "1", "2.3k", "1.5k", "40", "$2.75"]
    assert since.startswith("Since 2026-10-29;")


def test_where_nothing_costs_anything_the_bars_show_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    rows = parse_usage([line("2026-11-27", "demo", cost=0.0), line("2026-11-27", "less", cost=0.0, input=45)])
    usage_screen(App(), rows, By.MODEL, "2026-10-29")
    demo, less = capsys.readouterr().out.splitlines()[1:3]
    assert demo.count("█") == 24
    assert less.count("█") == 12


def test_json_has_the_same_sums_and_says_what_they_are_by(capsys: pytest.CaptureFixture[str]) -> None:
    usage_screen(App(json=True), parse_usage(LINES), By.DAY, "2026-10-29")
    told = json.loads(capsys.readouterr().out)
    assert (told["since"], told["by"]) == ("2026-10-29", "day")
    assert [row["day"] for row in told["rows"]] == ["2026-11-26", "2026-11-27"]
    assert told["total"] == {"requests": 4, "failed": 1, "input": 2300, "cached": 1500, "output": 40, "cost": 2.75}


def test_nothing_used_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    usage_screen(App(), [], By.DAY, "2026-10-29")
    assert capsys.readouterr().out == "Nothing was used since 2026-10-29.\n"

"""The results as tables for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from bench.goals import GOALS, Verdict

if TYPE_CHECKING:
    from rich.console import Console

    from bench.measure import Report, ScenarioResult, Series

__all__ = ["print_comparison", "print_report", "print_scenario", "quantity"]

_SMALL = {"s": ("ms", 1000.0)}


def quantity(value: float, unit: str) -> str:
    """Return a value with three significant digits and its unit."""
    if unit in _SMALL and abs(value) < 1:
        unit, factor = _SMALL[unit]
        value *= factor
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{min(max(digits, 0), 5)}f} {unit}".strip()


def print_scenario(console: Console, result: ScenarioResult) -> None:
    """Print a scenario: a block for each metric, a line for each contender."""
    console.print()
    console.print(Text(result.title, style="bold"), Text(f"  {result.name}, {result.seconds:.0f} s", style="dim"))
    if result.series:
        console.print(_table(result))
    for note in result.notes:
        console.print(Text(f"  {note}", style="dim"))
    if result.error:
        console.print(Text(f"  failed: {result.error}", style="red"))


def _table(result: ScenarioResult) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for heading in ("median", "quartiles", "best … worst", "n", f"x {result.baseline}" if result.baseline else ""):
        table.add_column(heading, justify="right")
    metrics = list(dict.fromkeys(series.metric for series in result.series))
    for metric in metrics:
        table.add_row(Text(metric, style="italic"))
        for series in result.series:
            if series.metric == metric:
                table.add_row(*_row(result, series))
        if metric != metrics[-1]:
            table.add_section()
    return table


def _row(result: ScenarioResult, series: Series) -> list[str]:
    found = series.summary
    ratio = result.ratio(series)
    return [
        f"  {series.contender}",
        quantity(found.median, series.unit),
        f"{quantity(found.low, series.unit)} … {quantity(found.high, series.unit)}" if found.count > 2 else "",
        f"{quantity(found.best, series.unit)} … {quantity(found.worst, series.unit)}" if found.count > 1 else "",
        str(found.count),
        f"{ratio:.2f}" if ratio is not None else "",
    ]


def print_report(console: Console, report: Report) -> None:
    """Print the machine, and which goals are reached."""
    verdicts = [verdict for goal in GOALS if (verdict := goal.judge(report)) is not None]
    if verdicts:
        console.print()
        console.print(Text("Goals", style="bold"), Text("  of a full run on a quiet machine", style="dim"))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading, justify in (("", "left"), ("measured", "right"), ("goal", "right"), ("", "left")):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]
        for verdict in verdicts:
            table.add_row(*_goal_row(verdict))
        console.print(table)
    for name, value in report.machine.items():
        console.print(Text(f"{name:>18}  {value}", style="dim"))


def _goal_row(verdict: Verdict) -> list[str | Text]:
    goal = verdict.goal
    reached = Text("reached", style="green") if verdict.reached else Text("missed", style="yellow")
    return [goal.text, quantity(verdict.value, goal.unit), f"≤ {quantity(goal.limit, goal.unit)}", reached]


def print_comparison(console: Console, old: Report, new: Report) -> None:
    """Print the change of every median from an earlier report to this one."""
    console.print()
    version = old.machine.get("run-claude", "")
    console.print(Text(f"Compared to {old.created}", style="bold"), Text(f"  {version}", style="dim"))
    differing = [key for key in new.machine if key != "run-claude" and old.machine.get(key) != new.machine[key]]
    if differing:
        console.print(Text(f"  Different machine or versions: {', '.join(differing)}", style="yellow"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "then", "now", "change"):
        table.add_column(heading, justify="left" if not heading else "right")
    for result in new.scenarios:
        before = old.find(result.name)
        for series in result.series:
            was = before.find(series.contender, series.metric) if before else None
            if was is None or was.unit != series.unit or not was.values:
                continue
            table.add_row(
                f"{result.name}: {series.contender}, {series.metric}",
                quantity(was.summary.median, was.unit),
                quantity(series.summary.median, series.unit),
                _change(was, series),
            )
    console.print(table)


def _change(old: Series, new: Series) -> Text:
    """Return the change in per cent, emphasised only if the quartiles do not overlap."""
    then, now = old.summary, new.summary
    if not then.median:
        return Text("")
    text = f"{(now.median / then.median - 1) * 100:+.0f} %"
    apart = now.low > then.high or now.high < then.low
    worse = (now.median > then.median) is not new.unit.endswith("/s")
    return Text(text, style=("red" if worse else "green") if apart else "dim")

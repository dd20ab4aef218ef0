"""What a reader gets: plots that are SVG, tables, a comparison."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from rich.console import Console

from bench.measure import Bar, Report, ScenarioResult, Series, Waterfall
from bench.table import print_comparison, print_report, print_scenario

if TYPE_CHECKING:
    from pathlib import Path


def a_report(*, seconds: float = 5.0, machine: str = "one") -> Report:
    ours = Series("ours", "cold", "s", (seconds, seconds + 0.1, seconds + 0.2))
    many = Series("ours", "delay", "s", tuple(0.001 * number for number in range(1, 60)))
    bars = (Bar("command", "create", 0, 1), Bar("litellm", "import", 1, seconds))
    result = ScenarioResult(
        name="build",
        title="Building",
        baseline="seed",
        series=(ours, many, Series("seed", "cold", "s", (10.0,))),
        waterfalls=(Waterfall("ours", seconds, bars), Waterfall("seed", 40.0, (Bar("litellm", "import", 2, 40),))),
        notes=("a note",),
        error="half of it failed",
    )
    return Report("2026-11-23T10:00:00Z", False, {"processor": machine}, (result,))


def draw(report: Report, folder: Path) -> list[Path]:
    from bench.plots import draw  # a second, which every process of a run would take while it collects

    return draw(report, folder)


def shown(draw_on: Console) -> str:
    assert isinstance(draw_on.file, io.StringIO)
    return draw_on.file.getvalue()


def console() -> Console:
    return Console(file=io.StringIO(), width=110)


def test_every_plot_is_an_svg_with_its_contenders_as_text(tmp_path: Path) -> None:
    drawn = draw(a_report(), tmp_path)
    assert [path.name for path in drawn] == ["build.svg", "build-waterfall.svg", "build-distribution.svg"]
    for path in drawn:
        text = "".join(ElementTree.parse(path).getroot().itertext())  # noqa: S314 (our own file)
        assert "ours" in text


def test_the_same_report_draws_the_same_files(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in draw(a_report(), tmp_path)]
    assert [path.read_bytes() for path in draw(a_report(), tmp_path)] == first


def test_a_contender_that_leaves_the_axis_says_where_it_ends(tmp_path: Path) -> None:
    waterfall = draw(a_report(), tmp_path)[1].read_text()
    assert "40.0 s" in waterfall


def test_the_table_shows_medians_ratios_notes_and_failures() -> None:
    out = console()
    print_scenario(out, a_report().scenarios[0])
    for text in ("5.10 s", "0.51", "a note", "half of it failed"):
        assert text in shown(out)


def test_the_report_tells_goals_and_machine() -> None:
    out = console()
    print_report(out, a_report(seconds=4.0))
    assert "reached" in shown(out)
    assert "processor  one" in shown(out)


def test_a_comparison_shows_the_change_and_another_machine() -> None:
    out = console()
    print_comparison(out, a_report(), a_report(seconds=10.1, machine="two"))
    assert "+100 %" in shown(out)
    assert "processor" in shown(out)

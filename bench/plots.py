"""The results as SVG: medians with their values, waterfalls side by side, distributions."""

from __future__ import annotations

import statistics
from functools import partial
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.table import quantity

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from bench.measure import Report, ScenarioResult, Series, Waterfall

__all__ = ["draw"]

# Text stays text, which is small and can be searched. With a fixed salt, the same report gives the same file.
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "run-claude", "font.family": "sans-serif", "font.size": 9})

_COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#a463f2", "#9c6b4e", "#97bbf5", "#9498a0")
_INK, _FAINT = "#222222", "#b8b8b8"
_DISTRIBUTION_FROM = 20  # values; with fewer, the dots of the overview are enough


def draw(report: Report, folder: Path) -> list[Path]:
    """Draw each scenario that has values, and return the files."""
    drawn = []
    for result in report.scenarios:
        if result.series:
            drawn.append(_save(_overview(result), folder / f"{result.name}.svg"))
        if result.waterfalls:
            drawn.append(_save(_waterfalls(result), folder / f"{result.name}-waterfall.svg"))
        if any(len(series.values) >= _DISTRIBUTION_FROM for series in result.series):
            drawn.append(_save(_distributions(result), folder / f"{result.name}-distribution.svg"))
    return drawn


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, format="svg", metadata={"Date": None})
    return path


def _colours(result: ScenarioResult) -> dict[str, str]:
    contenders = dict.fromkeys(series.contender for series in result.series)
    return {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(contenders)}


def _tick(value: float, _: int | None, *, unit: str) -> str:
    return quantity(value, unit)


def _bare(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(left=False)
    axes.grid(axis="x", color=_FAINT, linewidth=0.4)
    axes.set_axisbelow(True)


def _overview(result: ScenarioResult) -> Figure:
    """Draw a panel per metric: the median as a bar, every value as a dot."""
    metrics: dict[str, list[Series]] = {}
    for series in result.series:
        metrics.setdefault(series.metric, []).append(series)
    rows = [len(group) for group in metrics.values()]
    figure = Figure(figsize=(8, sum(0.32 * count + 0.75 for count in rows) + 0.4), layout="constrained")
    figure.suptitle(result.title, fontweight="bold")
    panels = figure.subplots(len(metrics), 1, squeeze=False, height_ratios=[count + 1 for count in rows])
    colours = _colours(result)
    for (metric, group), axes in zip(metrics.items(), panels[:, 0], strict=True):
        _bare(axes)
        axes.set_title(f"{metric} ({group[0].unit})" if group[0].unit else metric, loc="left", fontsize=9)
        for position, series in enumerate(group):
            median = series.summary.median
            axes.barh(position, median, height=0.62, color=colours[series.contender], alpha=0.75)
            shown = series.values if len(series.values) <= 60 else ()
            axes.plot(shown, [position] * len(shown), "|", color=_INK, markersize=7, markeredgewidth=0.7)
            axes.annotate(
                f" {quantity(median, series.unit)}", (max((median, *shown)), position), va="center", color=_INK
            )
        axes.set_yticks(range(len(group)), [series.contender for series in group])
        axes.invert_yaxis()
        axes.set_xlim(0, max(max(series.summary.median, *series.values) for series in group) * 1.18 or 1)
    return figure


def _waterfalls(result: ScenarioResult) -> Figure:
    """Draw the contenders on one time axis. One that is far slower is cut off, and labelled with its end."""
    lanes = [list(dict.fromkeys(bar.lane for bar in one.bars)) for one in result.waterfalls]
    figure = Figure(figsize=(9, sum(0.34 * len(lane) + 0.5 for lane in lanes) + 1.0), layout="constrained")
    figure.suptitle(f"{result.title}: where the time goes", fontweight="bold")
    panels = figure.subplots(len(lanes), 1, sharex=True, squeeze=False, height_ratios=[len(lane) + 1 for lane in lanes])
    steps = list(dict.fromkeys(bar.name for one in result.waterfalls for bar in one.bars))
    colours = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(steps)}
    totals = [one.total for one in result.waterfalls]
    edge = min(max(totals), 2 * statistics.median(totals)) * 1.08
    for one, lane, axes in zip(result.waterfalls, lanes, panels[:, 0], strict=True):
        _bare(axes)
        _waterfall(axes, one, lane, colours, edge)
    panels[-1, 0].set_xlim(0, edge)
    panels[-1, 0].set_xlabel("seconds since the command was typed")
    handles = [mpl.patches.Patch(color=colour, label=name) for name, colour in colours.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _waterfall(axes: Axes, one: Waterfall, lanes: list[str], colours: dict[str, str], edge: float) -> None:
    axes.set_title(f"{one.contender}: {quantity(one.total, 's')}", loc="left", fontsize=9, fontweight="bold")
    for bar in one.bars:
        length = bar.end - bar.begin
        axes.barh(lanes.index(bar.lane), length, left=bar.begin, height=0.7, color=colours[bar.name])
        if length > edge * 0.06 and bar.begin + length <= edge:
            middle = bar.begin + length / 2
            axes.annotate(quantity(length, "s"), (middle, lanes.index(bar.lane)), ha="center", va="center", fontsize=7)
    if one.total > edge:
        axes.annotate(f"… {quantity(one.total, 's')} ▸", (edge, 0), ha="right", va="center", color=_INK)
    axes.set_yticks(range(len(lanes)), lanes)
    axes.invert_yaxis()


def _distributions(result: ScenarioResult) -> Figure:
    """Draw the cumulative distribution, including its tail."""
    many = [series for series in result.series if len(series.values) >= _DISTRIBUTION_FROM]
    metrics = list(dict.fromkeys(series.metric for series in many))
    figure = Figure(figsize=(8, 2.9 * len(metrics) + 0.5), layout="constrained")
    figure.suptitle(f"{result.title}: distributions", fontweight="bold")
    panels = figure.subplots(len(metrics), 1, squeeze=False)
    colours = _colours(result)
    for metric, axes in zip(metrics, panels[:, 0], strict=True):
        group = [series for series in many if series.metric == metric]
        _bare(axes)
        axes.set_title(metric, loc="left", fontsize=9)
        for series in group:
            label = f"{series.contender} (p99 {quantity(series.summary.p99, series.unit)}, n {len(series.values)})"
            axes.ecdf(series.values, color=colours[series.contender], label=label)
        if min(min(series.values) for series in group) > 0:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(partial(_tick, unit=group[0].unit)))
        axes.set_ylabel("share at or below")
        axes.legend(loc="lower right", frameon=False, fontsize=8)
    return figure

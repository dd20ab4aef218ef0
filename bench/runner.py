"""Run scenarios: contenders take turns, warm-up rounds are discarded, and a failure does not end the run."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bench.measure import ScenarioResult, Series, Waterfall
from bench.processes import BenchError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bench.measure import Bar
    from bench.workspace import Workspace

__all__ = ["Recorder", "Sample", "Scenario", "interleave", "run_scenario"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one contender: metric → (unit, value), and where its time went."""

    values: Mapping[str, tuple[str, float]]
    bars: Sequence[Bar] = ()


class Scenario(Protocol):
    """A question, and the contenders that answer it."""

    NAME: str
    TITLE: str
    BASELINE: str

    async def run(self, bench: Recorder) -> None:
        """Measure, and record the values."""


@dataclass(slots=True)
class Recorder:
    """What a scenario gets: the workspace, how long it may take, and where its results go."""

    workspace: Workspace
    quick: bool
    say: Callable[[str], None]
    _values: dict[tuple[str, str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    _runs: dict[str, list[tuple[float, Sequence[Bar]]]] = field(default_factory=lambda: defaultdict(list))
    _notes: list[str] = field(default_factory=list)
    _failures: list[str] = field(default_factory=list)

    def rounds(self, full: int, quick: int) -> int:
        """Return how often to measure."""
        return quick if self.quick else full

    def record(self, contender: str, metric: str, unit: str, *values: float) -> None:
        """Add values to a series."""
        self._values[contender, metric, unit].extend(values)

    def record_sample(self, contender: str, sample: Sample) -> None:
        """Add one run."""
        for metric, (unit, value) in sample.values.items():
            self.record(contender, metric, unit, value)
        if sample.bars:
            self._runs[contender].append((max(bar.end for bar in sample.bars), sample.bars))

    def note(self, text: str) -> None:
        """Add a note for the reader."""
        if text not in self._notes:
            self._notes.append(text)

    def fail(self, text: str) -> None:
        """Add a failure: other values are kept, but the run as a whole fails."""
        self._failures.append(text)

    def result(self, scenario: Scenario, seconds: float) -> ScenarioResult:
        """Return the result, with the waterfall of each contender's median run."""
        waterfalls = []
        for contender, runs in self._runs.items():
            total, bars = sorted(runs, key=lambda run: run[0])[(len(runs) - 1) // 2]
            waterfalls.append(Waterfall(contender, total, tuple(bars)))
        series = (Series(*key, tuple(values)) for key, values in self._values.items() if values)
        return ScenarioResult(
            name=scenario.NAME,
            title=scenario.TITLE,
            baseline=scenario.BASELINE,
            series=tuple(series),
            waterfalls=tuple(waterfalls),
            notes=tuple(self._notes),
            error="\n".join(self._failures),
            seconds=seconds,
        )


async def interleave(
    bench: Recorder,
    contenders: Mapping[str, Callable[[], Awaitable[Sample]]],
    *,
    rounds: int,
    warmup: int = 0,
    at_most: Mapping[str, int] | None = None,
) -> None:
    """Run the contenders in turn. Each round begins with another one, so that drift and order favour none.

    One that fails is said to have failed and takes no further part.

    :param warmup: rounds before the first that counts
    :param at_most: fewer rounds for contenders that take long and scatter little
    """
    names = list(contenders)
    limits = dict(at_most or {})
    for number in range(-warmup, rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            if number >= limits.get(name, rounds):
                continue
            label = f"{number + 1}/{rounds}" if number >= 0 else "warm-up"
            bench.say(f"{name} ({label})")
            try:
                sample = await contenders[name]()
            except BenchError as error:
                bench.fail(f"{name}: {error}")
                limits[name] = -warmup
                continue
            if number >= 0:
                bench.record_sample(name, sample)


async def run_scenario(
    scenario: Scenario, workspace: Workspace, *, quick: bool, say: Callable[[str], None]
) -> ScenarioResult:
    """Run a scenario. One that fails returns the values so far, and its error."""
    bench = Recorder(workspace, quick, lambda text: say(f"{scenario.NAME}: {text}"))
    began = time.monotonic()
    try:
        await scenario.run(bench)
    except BenchError as error:
        bench.fail(str(error))
    return bench.result(scenario, time.monotonic() - began)

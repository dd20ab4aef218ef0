"""Who is measured when, and what a failure does to the rest."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.measure import Bar
from bench.processes import BenchError, execute
from bench.runner import Recorder, Sample, interleave, run_scenario
from bench.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio


class Turns:
    """A scenario that notes whose turn it was."""

    NAME = "turns"
    TITLE = "Turns"
    BASELINE = "a"

    def __init__(
        self, *, rounds: int, warmup: int = 0, at_most: dict[str, int] | None = None, failing: str = ""
    ) -> None:
        self.order = ""
        self._options = {"rounds": rounds, "warmup": warmup, "at_most": at_most}
        self._failing = failing

    async def run(self, bench: Recorder) -> None:
        contenders: dict[str, Callable[[], Awaitable[Sample]]] = {name: partial(self._turn, name) for name in "abc"}
        await interleave(bench, contenders, **self._options)  # type: ignore[arg-type]

    async def _turn(self, name: str) -> Sample:
        self.order += name
        if name == self._failing:
            raise BenchError("it broke")
        length = float(len(self.order))
        return Sample({"length": ("s", length)}, [Bar("lane", "step", 0, length)])


async def measure(scenario: Turns, *, quick: bool = False):  # type: ignore[no-untyped-def]
    return await run_scenario(scenario, Workspace(Path("/nowhere")), quick=quick, say=lambda text: None)


async def test_each_round_begins_with_another_contender() -> None:
    turns = Turns(rounds=3)
    await measure(turns)
    assert turns.order == "abc" + "bca" + "cab"


async def test_warm_up_rounds_are_run_and_not_recorded() -> None:
    turns = Turns(rounds=1, warmup=2)
    result = await measure(turns)
    assert len(turns.order) == 9
    assert [len(series.values) for series in result.series] == [1, 1, 1]


async def test_a_slow_contender_takes_part_in_fewer_rounds() -> None:
    turns = Turns(rounds=3, at_most={"b": 1})
    await measure(turns)
    assert (turns.order.count("a"), turns.order.count("b")) == (3, 1)


async def test_a_contender_that_fails_is_out_and_the_others_go_on() -> None:
    turns = Turns(rounds=3, warmup=1, failing="b")
    result = await measure(turns)
    assert turns.order.count("b") == 1
    assert {series.contender for series in result.series} == {"a", "c"}
    assert result.error == "b: it broke"


async def test_the_waterfall_shown_is_the_median_run() -> None:
    result = await measure(Turns(rounds=3))
    first = next(one for one in result.waterfalls if one.contender == "a")
    assert first.total == 6  # of 1, 6 and 8


async def test_a_process_that_fails_is_told_with_its_last_lines() -> None:
    with pytest.raises(BenchError, match="ended with 3") as caught:
        await execute("sh", "-c", "echo why >&2; exit 3")
    assert "why" in str(caught.value)


async def test_a_process_that_hangs_is_ended() -> None:
    with pytest.raises(BenchError, match="did not end"):
        await execute("sleep", "60", limit=0.2)

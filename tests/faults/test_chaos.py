"""Chaos: seeded random faults, and an oracle that only asks docker. `RUN_CLAUDE_CHAOS_FAULTS=200` is the long run."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from . import faults
from .conftest import ON_SHARED
from .faults import FAULTS
from .oracle import BOTH

if TYPE_CHECKING:
    from .stack import FaultyStack
    from .watcher import Watcher

COUNT = int(os.environ.get("RUN_CLAUDE_CHAOS_FAULTS") or 12)
SEED = int(os.environ.get("RUN_CLAUDE_CHAOS_SEED") or 20261123)

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120 + 60 * COUNT), ON_SHARED]


@pytest.mark.slow(3 * COUNT)
def test_after_each_of_many_random_faults_all_is_as_it_was(watcher: Watcher, stack: FaultyStack) -> None:
    chance = random.Random(SEED)  # noqa: S311 (a run that can be repeated)
    done: Counter[str] = Counter()
    divergences: list[str] = []
    lost = 0
    healed: list[float] = []
    for number in range(COUNT):
        plan = [(chance.choice(list(FAULTS)), chance.choice(BOTH))]
        if chance.random() < 0.2:
            plan.append((chance.choice(list(FAULTS)), "timescaledb" if plan[0][1] == "litellm" else "litellm"))
        began = time.monotonic()
        for name, service in plan:
            FAULTS[name](stack, service)
            done[name] += 1
            time.sleep(chance.uniform(0, 0.5))
        what = f"fault {number + 1} of seed {SEED}: {plan}"
        try:
            stack.oracle.until_healthy(within=120)
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}\n{watcher.story()}") from None
        healed.append(time.monotonic() - began)
        if difference := stack.divergence():
            divergences.append(f"{what}: {difference}")
        confirmed, there = stack.rows(chance.randint(1, 5))
        lost += confirmed - there
        if COUNT > 20:
            print(f"{what}: healthy after {healed[-1]:.1f} s; {len(divergences)} divergences, {lost} rows lost")
    healed.sort()
    print(
        f"{COUNT} rounds, faults {dict(done)}; to healthy: median {healed[COUNT // 2]:.1f} s, worst {healed[-1]:.1f} s"
    )
    assert divergences == []
    assert lost == 0


@pytest.mark.slow(25)
def test_the_real_litellm_is_healed_when_it_no_longer_answers(watcher: Watcher, stack: FaultyStack) -> None:
    """What a stand-in cannot show: a start of many seconds, in which the watcher waits and does nothing else."""
    stand_in, stack.release = stack.release, {}
    image_of_stand_in = stack.inspect("litellm")["Image"]
    try:
        stack.start()
        image = stack.inspect("litellm")["Image"]
        assert image != image_of_stand_in
        began = watcher.mark()
        faults.break_probe(stack, "litellm")
        watcher.until(lambda line: line.get("event") == "healed", since=began, within=120)
        assert stack.oracle.phases() == dict.fromkeys(BOTH, "healthy")
        assert stack.inspect("litellm")["Image"] == image
        assert stack.divergence() == "", watcher.story()
        assert len(watcher.actions(began)) == 1, watcher.story()
    finally:
        stack.release = stand_in
        stack.start()

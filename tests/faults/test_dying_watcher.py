"""What is owed when the watcher itself is killed, whatever it is doing: the next one goes on, and nothing is left."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from . import faults
from .watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from .stack import FaultyStack

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(240)]

CASES: dict[str, tuple[Callable[[FaultyStack, str], None], str]] = {
    "starting the database": (faults.kill, "timescaledb"),
    "making the database": (faults.remove, "timescaledb"),
    "starting the proxy": (faults.kill, "litellm"),
    "making the proxy": (faults.remove, "litellm"),
    "restarting the proxy": (faults.break_probe, "litellm"),
}


@pytest.mark.parametrize("action", CASES)
def test_a_watcher_killed_in_an_action_leaves_it_to_the_next(stack: FaultyStack, action: str) -> None:
    fault, service = CASES[action]
    first = Watcher(stack.environment)
    try:
        first.until_watching()
        began = first.mark()
        fault(stack, service)
        first.until(lambda line: line.get("event") == "action", since=began)
        time.sleep(random.Random(action).uniform(0, 0.3))  # noqa: S311 (somewhere in the middle)
    finally:
        first.kill()
    with Watcher(stack.environment) as second:
        second.until_watching()
        stack.oracle.until_healthy(within=120)


def test_status_says_that_a_killed_watcher_does_not_run(stack: FaultyStack) -> None:
    watcher = Watcher(stack.environment)
    watcher.until_watching()
    watcher.kill()
    assert str(watcher.process.pid) not in str(stack.json("proxy", "status").get("watch"))


@pytest.mark.parametrize("signum", [2, 15])
def test_a_watcher_that_is_told_to_end_ends_well(stack: FaultyStack, signum: int) -> None:
    watcher = Watcher(stack.environment)
    watcher.until_watching()
    watcher.process.send_signal(signum)
    assert watcher.wait(within=10) in (0, 128 + signum)
    assert "Traceback" not in watcher.errors

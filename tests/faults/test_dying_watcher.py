"""What is owed when the watcher itself is killed, whatever it is doing: the next one goes on, and nothing is left."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from . import faults
from .conftest import ON_SHARED
from .watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from .stack import FaultyStack

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(240), ON_SHARED]

CASES: dict[str, tuple[Callable[[FaultyStack, str], None], str]] = {
    "starting the database": (faults.kill, "timescaledb"),
    "making the database": (faults.remove, "timescaledb"),
    "starting the proxy": (faults.kill, "litellm"),
    "making the proxy": (faults.remove, "litellm"),
    "restarting the proxy": (faults.break_probe, "litellm"),
}


def test_a_watcher_killed_in_an_action_leaves_it_to_the_next(stack: FaultyStack) -> None:
    """Each that goes on is the next to be killed; SIGINT ends the last one, as SIGTERM ends all other watchers here."""
    watcher = Watcher(stack.environment)
    try:
        for action, (fault, service) in CASES.items():
            watcher.until_watching()
            assert f"(pid {watcher.process.pid})" in stack.status().watcher
            began = watcher.mark()
            fault(stack, service)
            watcher.until(lambda line: line.get("event") == "action", since=began)
            time.sleep(random.Random(action).uniform(0, 0.3))  # noqa: S311 (somewhere in the middle)
            watcher.kill()
            assert stack.status().watcher == "", f"killed while {action}"
            watcher = Watcher(stack.environment)
            watcher.until_watching()
            stack.oracle.until_healthy(within=120)
        watcher.process.send_signal(signal.SIGINT)
        assert watcher.wait(within=10) in (0, 128 + signal.SIGINT)
        assert "Traceback" not in watcher.errors
    finally:
        watcher.kill()

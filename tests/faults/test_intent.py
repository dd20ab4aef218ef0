"""What `watch` owes to what the user wants: a stop on purpose stays a stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from .conftest import ON_SHARED
from .oracle import BOTH
from .watcher import Watcher

if TYPE_CHECKING:
    from .stack import FaultyStack

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(240), ON_SHARED]

SETTLED = 1.0  # seconds, five times the back-off of these stacks: who wanted to act has acted


def stays(stack: FaultyStack, phases: dict[str, str]) -> None:
    """Assert that it is so, and that nobody changes it."""
    stack.oracle.until(phases, within=30)
    before = stack.oracle.identity()
    time.sleep(SETTLED)
    assert stack.oracle.identity() == before
    stack.status_agrees()


def left_alone(watcher: Watcher, since: int) -> None:
    """Wait until the watcher has said that it leaves the stack as it is."""
    watcher.until(lambda line: line.get("event") == "left-alone", since=since)


def test_docker_stop_is_respected_until_the_next_start(watcher: Watcher, stack: FaultyStack) -> None:
    phases = dict.fromkeys(BOTH, "healthy")
    for service in BOTH:
        began = watcher.mark()
        stack.docker("stop", "--time", "10", stack.container(service))
        left_alone(watcher, began)
        phases[service] = "exited"
        stays(stack, phases)
    stack.start()


def test_compose_stop_is_respected_until_the_next_start(watcher: Watcher, stack: FaultyStack) -> None:
    began = watcher.mark()
    stack.compose("stop", "--timeout", "10")
    left_alone(watcher, began)
    stays(stack, dict.fromkeys(BOTH, "exited"))
    stack.start()


def test_docker_start_after_docker_stop_ends_the_respect(watcher: Watcher, stack: FaultyStack) -> None:
    began = watcher.mark()
    stack.docker("stop", "--time", "5", stack.container("litellm"))
    left_alone(watcher, began)
    stays(stack, {"timescaledb": "healthy", "litellm": "exited"})
    stack.docker("start", stack.container("litellm"))
    stack.oracle.until_healthy()
    began = watcher.mark()
    stack.docker("kill", stack.container("litellm"))
    watcher.until_phase("litellm", "healthy", since=began)


def test_our_own_stops_and_start_while_watching(watcher: Watcher, stack: FaultyStack) -> None:
    stack.run("proxy", "stop")
    stays(stack, {"timescaledb": "healthy", "litellm": "exited"})
    stack.start()
    stays(stack, dict.fromkeys(BOTH, "healthy"))
    stack.run("proxy", "stop", "--with-db")
    stays(stack, dict.fromkeys(BOTH, "exited"))
    stack.run("proxy", "stop", "--all")
    stays(stack, dict.fromkeys(BOTH, "absent"))
    stack.start()


def test_a_restart_while_watching_is_left_alone(watcher: Watcher, stack: FaultyStack) -> None:
    stack.run("proxy", "restart")
    stack.oracle.until_healthy()
    stays(stack, dict.fromkeys(BOTH, "healthy"))


def test_a_second_watcher_is_refused_and_harms_nothing(watcher: Watcher, stack: FaultyStack) -> None:
    second = Watcher(stack.environment)
    assert second.wait() not in (0, 1)
    assert watcher.process.poll() is None
    assert str(watcher.process.pid) in second.lines[-1]["error"]["message"]


def test_status_says_that_a_watcher_runs(watcher: Watcher, stack: FaultyStack) -> None:
    told = str(stack.json("proxy", "status").get("watcher", ""))
    assert str(watcher.process.pid) in told

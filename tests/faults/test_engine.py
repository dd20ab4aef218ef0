"""What `watch` owes when the engine itself goes away: on an engine of the test's own, with stand-ins."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from .oracle import BOTH
from .watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .engine import OwnEngine
    from .stack import FaultyStack

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def watched(own: FaultyStack) -> Iterator[tuple[FaultyStack, OwnEngine, Watcher]]:
    """A stack on an engine of its own, and its watcher; afterwards all is well."""
    assert own.engine is not None
    with Watcher(own.environment) as watcher:
        watcher.until_watching()
        yield own, own.engine, watcher
        own.oracle.until_healthy()
        own.owes_nothing()


def away_and_back(watcher: Watcher, since: int) -> None:
    """Wait until it has told that nothing is known, and then that both are healthy."""
    for service in BOTH:
        unknown = watcher.until_phase(service, "unknown", since=since)
        watcher.until_phase(service, "healthy", since=watcher.lines.index(unknown))


def test_an_engine_that_is_stopped_and_started_gets_its_containers_back(
    watched: tuple[FaultyStack, OwnEngine, Watcher],
) -> None:
    _, engine, watcher = watched
    began = watcher.mark()
    engine.stop()
    watcher.until_phase("litellm", "unknown", since=began)
    time.sleep(1)
    engine.start()
    away_and_back(watcher, began)


def test_an_engine_that_is_restarted_at_once_gets_its_containers_back(
    watched: tuple[FaultyStack, OwnEngine, Watcher],
) -> None:
    _, engine, watcher = watched
    began = watcher.mark()
    engine.stop()
    engine.start()
    away_and_back(watcher, began)


def test_an_engine_that_is_killed_gets_its_containers_back(watched: tuple[FaultyStack, OwnEngine, Watcher]) -> None:
    """After a kill Docker itself leaves `unless-stopped` containers down."""
    _, engine, watcher = watched
    began = watcher.mark()
    engine.kill()
    engine.start()
    away_and_back(watcher, began)


def test_a_frozen_engine_is_unknown_and_nothing_is_done_to_what_runs_on(
    watched: tuple[FaultyStack, OwnEngine, Watcher],
) -> None:
    stack, engine, watcher = watched
    began, before = watcher.mark(), stack.oracle.identity()
    engine.freeze()
    for service in BOTH:
        watcher.until_phase(service, "unknown", since=began, within=30)
    engine.thaw()
    away_and_back(watcher, began)
    assert stack.oracle.identity() == before


def test_a_death_while_the_engine_is_frozen_is_found(watched: tuple[FaultyStack, OwnEngine, Watcher]) -> None:
    stack, engine, watcher = watched
    began, before = watcher.mark(), stack.oracle.identity()
    pid = stack.pid("litellm")
    engine.freeze()
    watcher.until_phase("litellm", "unknown", since=began, within=30)
    engine.run("kill", "-9", str(pid))
    engine.thaw()
    away_and_back(watcher, began)
    stack.oracle.until_healthy()
    assert stack.oracle.identity()["litellm"] != before["litellm"]


def test_a_stop_of_ours_outlives_the_engine(watched: tuple[FaultyStack, OwnEngine, Watcher]) -> None:
    stack, engine, watcher = watched
    stack.run("proxy", "stop", "--with-db")
    began = watcher.mark()
    engine.kill()
    engine.start()
    watcher.until_phase("litellm", "unknown", since=began)
    watcher.until_phase("litellm", "exited", since=began)
    time.sleep(3)
    assert stack.oracle.phases() == dict.fromkeys(BOTH, "exited")
    stack.start()

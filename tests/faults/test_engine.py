"""What `watch` owes when the engine itself goes away: on an engine of the test's own, with stand-ins.

An observer beside the watcher has to see what docker says, after each of them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from anyio.from_thread import start_blocking_portal

from .conftest import ON_OWN
from .observing import agrees, observing
from .oracle import BOTH
from .watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anyio.from_thread import BlockingPortal

    from run_claude.docker.observer import Observer

    from .engine import OwnEngine
    from .stack import FaultyStack

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(240), ON_OWN]


@pytest.fixture(scope="module")
def watcher(own_shared: FaultyStack) -> Iterator[Watcher]:
    """A watcher of the stack on an engine of its own."""
    with Watcher(own_shared.environment) as watcher:
        watcher.until_watching()
        yield watcher


@dataclass(frozen=True)
class Watched:
    """A stack on an engine of its own, its watcher, and an observer in this process."""

    stack: FaultyStack
    engine: OwnEngine
    watcher: Watcher
    observer: Observer
    portal: BlockingPortal

    def is_seen_as_it_is(self) -> None:
        """Assert that the observer sees what docker says."""
        self.portal.call(agrees, self.observer, self.stack)


@pytest.fixture
def watched(own: FaultyStack, watcher: Watcher) -> Iterator[Watched]:
    """The stack; afterwards all is well, and seen so."""
    assert own.engine is not None
    own.oracle.until_healthy()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(observing(own)) as observer:
        watched = Watched(own, own.engine, watcher, observer, portal)
        watched.is_seen_as_it_is()
        yield watched
        own.oracle.until_healthy()
        watched.is_seen_as_it_is()
        own.owes_nothing()


def away_and_back(watcher: Watcher, since: int) -> None:
    """Wait until it has told that nothing is known, and then that both are healthy."""
    for service in BOTH:
        unknown = watcher.until_phase(service, "unknown", since=since)
        watcher.until_phase(service, "healthy", since=watcher.lines.index(unknown))


def test_an_engine_that_is_stopped_and_started_gets_its_containers_back(watched: Watched) -> None:
    engine, watcher = watched.engine, watched.watcher
    began = watcher.mark()
    engine.stop()
    watcher.until_phase("litellm", "unknown", since=began)
    time.sleep(1)
    engine.start()
    away_and_back(watcher, began)


def test_an_engine_that_is_restarted_at_once_gets_its_containers_back(watched: Watched) -> None:
    engine, watcher = watched.engine, watched.watcher
    began = watcher.mark()
    engine.stop()
    engine.start()
    away_and_back(watcher, began)


def test_an_engine_that_is_killed_gets_its_containers_back(watched: Watched) -> None:
    """After a kill Docker itself leaves `unless-stopped` containers down."""
    engine, watcher = watched.engine, watched.watcher
    began = watcher.mark()
    engine.kill()
    engine.start()
    away_and_back(watcher, began)


def test_a_frozen_engine_is_unknown_and_only_what_died_meanwhile_is_started(watched: Watched) -> None:
    stack, engine, watcher = watched.stack, watched.engine, watched.watcher
    began, before = watcher.mark(), stack.oracle.identity()
    pid = stack.pid("litellm")
    engine.freeze()
    for service in BOTH:
        watcher.until_phase(service, "unknown", since=began, within=30)
    engine.run("kill", "-9", str(pid))
    engine.thaw()
    away_and_back(watcher, began)
    stack.oracle.until_healthy()
    after = stack.oracle.identity()
    assert after["litellm"] != before["litellm"]
    assert after["timescaledb"] == before["timescaledb"], "it ran on"
    assert watcher.actions(began) == [], f"Docker itself starts what died on its own\n{watcher.story()}"


def test_a_stop_of_ours_outlives_the_engine(watched: Watched) -> None:
    stack, engine, watcher = watched.stack, watched.engine, watched.watcher
    stack.run("proxy", "stop", "--with-db")
    began = watcher.mark()
    engine.kill()
    engine.start()
    watcher.until_phase("litellm", "unknown", since=began)
    watcher.until_phase("litellm", "exited", since=began)
    watched.is_seen_as_it_is()
    time.sleep(2)  # an engine that is back has one to start them itself, and then the watcher does
    assert stack.oracle.phases() == dict.fromkeys(BOTH, "exited")
    stack.start()

"""What the watcher takes for somebody's stop, and what for its own or the engine's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from run_claude.domain.lifecycle import ContainerEvent, Service
from run_claude.watch.own_stops import OwnStops

if TYPE_CHECKING:
    from run_claude.docker.api import EngineApi
    from run_claude.docker.observer import Observer

PROXY, DB = Service.LITELLM, Service.TIMESCALEDB


def stop(at_ns: int, service: Service = PROXY) -> ContainerEvent:
    return ContainerEvent(service=service, action="stop", at_ns=at_ns, container_id="c1")


def start(at_ns: int) -> ContainerEvent:
    return ContainerEvent(service=PROXY, action="start", at_ns=at_ns, container_id="c1")


def observer(*heard: ContainerEvent, connected_ns: int = 0) -> Observer:
    return cast("Observer", SimpleNamespace(heard=heard, connected_ns=connected_ns))


@pytest.fixture
def own_stops() -> OwnStops:
    return OwnStops(cast("EngineApi", None))


def test_each_event_is_heard_once(own_stops: OwnStops) -> None:
    assert own_stops.fresh(observer(stop(1))) == [stop(1)]
    assert own_stops.fresh(observer(stop(1), stop(2))) == [stop(2)]


def test_a_stop_out_of_our_sight_was_the_users_if_the_engine_still_knows_its_history(own_stops: OwnStops) -> None:
    own_stops.fresh(observer(start(1)))
    assert stop(5) in own_stops.fresh(observer(start(1), stop(5), connected_ns=10))


def test_a_stop_heard_before_the_history_counts_when_the_history_comes(own_stops: OwnStops) -> None:
    own_stops.fresh(observer(start(5)))
    assert own_stops.fresh(observer(stop(4), connected_ns=10)) == []
    assert stop(4) in own_stops.fresh(observer(stop(4), start(5), connected_ns=10))


def test_a_stop_out_of_our_sight_was_a_new_engines_own_if_it_has_forgotten_all_else(own_stops: OwnStops) -> None:
    own_stops.fresh(observer(start(1)))
    assert own_stops.fresh(observer(stop(5), connected_ns=10)) == []
    assert own_stops.fresh(observer(stop(5), stop(11), connected_ns=10)) == [stop(11)]


def test_what_is_left_of_a_lost_connection_says_nothing_about_the_next_engine(own_stops: OwnStops) -> None:
    """Looks go on while the engine is away, and the observer still holds what it has heard."""
    own_stops.fresh(observer(start(1)))
    assert own_stops.fresh(observer(start(1))) == []
    assert own_stops.fresh(observer(stop(5), connected_ns=10)) == []


def test_a_new_engines_own_stop_stays_its_own_on_the_connection_after(own_stops: OwnStops) -> None:
    """The first connection to a new engine is cut; the second replays what the engine did when it began."""
    own_stops.fresh(observer(start(1)))
    assert own_stops.fresh(observer(stop(5), connected_ns=10)) == []
    assert own_stops.fresh(observer(stop(5), stop(15), connected_ns=20)) == [stop(15)]


def test_a_stop_that_another_watcher_has_made_is_nobodys_purpose(own_stops: OwnStops) -> None:
    own_stops.take_as_ours(PROXY, until_ns=10)
    assert own_stops.fresh(observer(stop(9))) == []
    assert own_stops.fresh(observer(stop(9), stop(9, DB))) == [stop(9, DB)]
    assert own_stops.fresh(observer(stop(9), stop(9, DB), stop(11))) == [stop(11)]

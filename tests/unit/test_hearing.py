"""What the watcher takes for somebody's stop, and what for its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from run_claude.core.lifecycle import ContainerEvent, Service
from run_claude.hearing import Hearing

if TYPE_CHECKING:
    from run_claude.engine.api import EngineApi

PROXY, DB = Service.LITELLM, Service.TIMESCALEDB


def stop(at_ns: int, service: Service = PROXY) -> ContainerEvent:
    return ContainerEvent(service=service, action="stop", at_ns=at_ns, container_id="c1")


def hearing() -> Hearing:
    return Hearing(cast("EngineApi", None))


def test_each_event_is_heard_once() -> None:
    heard = hearing()
    assert heard.fresh([stop(1)]) == [stop(1)]
    assert heard.fresh([stop(1), stop(2)]) == [stop(2)]


def test_after_a_new_connection_a_replay_is_heard_again() -> None:
    heard = hearing()
    heard.fresh([stop(1)])
    heard.forget()
    assert heard.fresh([stop(1)]) == [stop(1)]


def test_a_stop_that_another_watcher_has_made_is_nobodys_purpose() -> None:
    heard = hearing()
    heard.take_as_ours(PROXY, until_ns=10)
    assert heard.fresh([stop(9), stop(11), stop(9, DB)]) in ([stop(11), stop(9, DB)], [stop(9, DB), stop(11)])

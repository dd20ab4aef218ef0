"""Transitions: two snapshots and the events in between, in any order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from run_claude.domain.lifecycle import ContainerEvent, Phase, Service, ServiceState, Snapshot
from run_claude.domain.transitions import transitions

RUNNING = ServiceState(phase=Phase.HEALTHY, id="a" * 64, started_ns=10, healthy_ns=20)


def event(action: str, at_ns: int = 100, service: Service = Service.LITELLM, **more: object) -> ContainerEvent:
    return ContainerEvent(service=service, action=action, at_ns=at_ns, **more)  # type: ignore[arg-type]


def test_two_equal_snapshots_give_no_transition_whatever_the_events_say() -> None:
    snapshot = Snapshot(litellm=RUNNING)
    assert transitions(snapshot, snapshot, [event("die", exit_code=1), event("start")]) == []


def test_a_restart_between_two_looks_must_show() -> None:
    after = replace(RUNNING, started_ns=50, restarts=1)
    (seen,) = transitions(Snapshot(litellm=RUNNING), Snapshot(litellm=after), [])
    assert seen.restarted
    assert not seen.replaced


@pytest.mark.parametrize(
    ("after", "events", "cause"),
    [
        (Phase.EXITED, [event("kill", 1, signal=9), event("die", 2, exit_code=137)], "exited with 137"),
        (Phase.EXITED, [event("kill", 1, signal=15), event("stop", 2), event("die", 3, exit_code=0)], "stopped"),
        (Phase.EXITED, [event("oom", 1), event("die", 2, exit_code=137)], "out of memory"),
        (Phase.RESTARTING, [event("die", 2, exit_code=3)], "exited with 3"),
        (Phase.UNHEALTHY, [event("health_status", 2, health="unhealthy")], "health check"),
        (Phase.PAUSED, [event("pause")], "paused"),
        (Phase.ABSENT, [event("die", 1, exit_code=0), event("destroy", 2)], "removed"),
        (Phase.EXITED, [], "found by a routine check"),
        (Phase.EXITED, [event("die", 2, service=Service.TIMESCALEDB, exit_code=9)], "found by a routine check"),
    ],
)
def test_the_cause_comes_from_the_events_of_the_service(after: Phase, events: list[ContainerEvent], cause: str) -> None:
    (seen,) = transitions(Snapshot(litellm=RUNNING), Snapshot(litellm=replace(RUNNING, phase=after)), events)
    assert seen.cause == cause


@pytest.mark.parametrize(
    ("before", "after", "last", "cause"),
    [
        (Phase.EXITED, Phase.STARTING, "start", "started"),  # and not by the death that came before
        (Phase.HEALTHY, Phase.STARTING, "start", "exited with 1"),  # Docker has restarted it
        (Phase.PAUSED, Phase.UNHEALTHY, "unpause", "unpaused"),
        (Phase.PAUSED, Phase.STARTING, "unpause", "unpaused"),
    ],
)
def test_a_death_explains_only_what_ran_before_it(before: Phase, after: Phase, last: str, cause: str) -> None:
    events = [event(last, at_ns=200)] + ([event("die", at_ns=100, exit_code=1)] if before is not Phase.PAUSED else [])
    [seen] = transitions(
        Snapshot(litellm=replace(RUNNING, phase=before)),
        Snapshot(litellm=replace(RUNNING, phase=after, started_ns=150)),
        events,
    )
    assert seen.cause == cause


def test_a_change_without_an_event_is_not_dated_before_the_state_that_it_ended() -> None:
    before = replace(RUNNING, phase=Phase.PAUSED)
    [seen] = transitions(Snapshot(litellm=before), Snapshot(litellm=replace(before, phase=Phase.UNHEALTHY)))
    assert (seen.cause, seen.at_ns) == ("found by a routine check", None)


def test_an_engine_out_of_reach_makes_every_phase_unknown() -> None:
    lost = Snapshot.out_of_reach("the engine is gone")
    seen = transitions(Snapshot(litellm=RUNNING), lost, [])
    assert [(one.service, one.after.phase, one.cause) for one in seen] == [
        (Service.TIMESCALEDB, Phase.UNKNOWN, "the engine is gone"),
        (Service.LITELLM, Phase.UNKNOWN, "the engine is gone"),
    ]
    back = transitions(lost, Snapshot(litellm=RUNNING), [])
    assert {one.cause for one in back} == {"the engine is back"}


@given(
    st.permutations([event("kill", 1, signal=9), event("die", 2, exit_code=137), event("start", 3)]),
    st.integers(min_value=1, max_value=3),
)
def test_doubled_and_reordered_events_change_neither_state_nor_cause(events: list[ContainerEvent], times: int) -> None:
    after = Snapshot(litellm=replace(RUNNING, phase=Phase.EXITED, exit_code=137))
    (seen,) = transitions(Snapshot(litellm=RUNNING), after, events * times)
    assert (seen.after.phase, seen.cause, seen.at_ns) == (Phase.EXITED, "exited with 137", 2)

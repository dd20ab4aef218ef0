"""Phases, snapshots and transitions: values in, values out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from run_claude.domain.lifecycle import (
    ContainerEvent,
    Phase,
    Service,
    ServiceState,
    Snapshot,
    format_time,
    parse_time,
    phase_of,
    transitions,
)

RUNNING = ServiceState(phase=Phase.HEALTHY, id="a" * 64, started_ns=10, healthy_ns=20)


def event(action: str, at_ns: int = 100, service: Service = Service.LITELLM, **more: object) -> ContainerEvent:
    return ContainerEvent(service=service, action=action, at_ns=at_ns, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "health", "phase"),
    [
        ("created", "", Phase.CREATED),
        ("running", "starting", Phase.STARTING),
        ("running", "healthy", Phase.HEALTHY),
        ("running", "unhealthy", Phase.UNHEALTHY),
        ("running", "none", Phase.HEALTHY),
        ("running", "", Phase.HEALTHY),
        ("restarting", "unhealthy", Phase.RESTARTING),
        ("paused", "unhealthy", Phase.PAUSED),
        ("exited", "unhealthy", Phase.EXITED),
        ("dead", "", Phase.EXITED),
        ("removing", "healthy", Phase.REMOVING),
    ],
)
def test_health_counts_only_for_a_running_container(status: str, health: str, phase: Phase) -> None:
    assert phase_of(status, health) is phase


def test_an_unknown_status_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(ValueError, match="sleeping"):
        phase_of("sleeping", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T03:06:00.123456789Z", 1795403160_123456789),
        ("2026-11-23T03:06:00Z", 1795403160_000000000),
        ("2026-11-23T05:06:00.5+02:00", 1795403160_500000000),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_times_keep_their_nanoseconds(text: str | None, expected: int | None) -> None:
    assert parse_time(text) == expected


@given(st.integers(min_value=1, max_value=4_000_000_000))
def test_a_formatted_time_reads_back_to_the_millisecond(milliseconds: int) -> None:
    at_ns = milliseconds * 1_000_000
    assert parse_time(format_time(at_ns)) == pytest.approx(at_ns, abs=1_000_000)


def test_two_equal_looks_are_no_transition_whatever_the_events_say() -> None:
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
        (Phase.EXITED, [], "found by looking again"),
        (Phase.EXITED, [event("die", 2, service=Service.TIMESCALEDB, exit_code=9)], "found by looking again"),
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


def test_a_change_that_nobody_told_is_not_dated_before_what_it_has_changed() -> None:
    before = replace(RUNNING, phase=Phase.PAUSED)
    [seen] = transitions(Snapshot(litellm=before), Snapshot(litellm=replace(before, phase=Phase.UNHEALTHY)))
    assert (seen.cause, seen.at_ns) == ("found by looking again", None)


def test_what_is_unknown_is_never_shown_as_the_last_good_news() -> None:
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

"""When a start is done, and when it can only fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot
from run_claude.domain.readiness import Failed, Ready, Waiting, judge

BOTH = (Service.TIMESCALEDB, Service.LITELLM)
STARTING = ServiceState(phase=Phase.STARTING, id="a", started_ns=10)
HEALTHY = replace(STARTING, phase=Phase.HEALTHY)
BASE = Snapshot(timescaledb=STARTING, litellm=STARTING)


def test_ready_only_when_every_wanted_service_is_healthy() -> None:
    assert judge(BOTH, BASE, Snapshot(timescaledb=HEALTHY, litellm=HEALTHY)) == Ready()
    assert judge(BOTH, BASE, Snapshot(timescaledb=HEALTHY, litellm=STARTING)) == Waiting((Service.LITELLM,))


def test_a_service_that_is_not_wanted_does_not_matter() -> None:
    dead = replace(STARTING, phase=Phase.EXITED)
    assert judge((Service.LITELLM,), BASE, Snapshot(timescaledb=dead, litellm=HEALTHY)) == Ready()


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        (Phase.EXITED, "died"),
        (Phase.RESTARTING, "looping"),
        (Phase.UNHEALTHY, "unhealthy"),
        (Phase.ABSENT, "removed"),
        (Phase.REMOVING, "removed"),
        (Phase.CREATED, "not-started"),
        (Phase.PAUSED, "paused"),
    ],
)
def test_what_waiting_cannot_mend_fails_at_once(phase: Phase, reason: str) -> None:
    now = replace(BASE, litellm=replace(STARTING, phase=phase))
    assert judge(BOTH, BASE, now) == Failed(Service.LITELLM, reason)


def test_a_death_that_the_restart_policy_hid_still_fails_the_start() -> None:
    again = replace(STARTING, started_ns=20, restarts=1)
    assert judge(BOTH, BASE, replace(BASE, litellm=again)) == Failed(Service.LITELLM, "looping")
    healthy_again = replace(HEALTHY, started_ns=20, restarts=1)
    assert judge(BOTH, BASE, Snapshot(timescaledb=HEALTHY, litellm=healthy_again)) == Failed(Service.LITELLM, "looping")


def test_a_death_before_the_first_look_still_fails_the_start() -> None:
    looped = replace(STARTING, restarts=2)
    base = replace(BASE, litellm=looped)
    assert judge(BOTH, base, base) == Failed(Service.LITELLM, "looping")


def test_a_healthy_container_may_carry_an_old_restart_count() -> None:
    old = Snapshot(timescaledb=HEALTHY, litellm=replace(HEALTHY, restarts=4))
    assert judge(BOTH, old, old) == Ready()


def test_a_container_that_somebody_recreated_is_waited_for() -> None:
    other = replace(STARTING, id="b", started_ns=30)
    assert judge(BOTH, BASE, replace(BASE, litellm=other)) == Waiting(BOTH)


def test_an_engine_out_of_reach_is_waited_for() -> None:
    assert judge(BOTH, BASE, Snapshot.out_of_reach("restarting")) == Waiting(BOTH)

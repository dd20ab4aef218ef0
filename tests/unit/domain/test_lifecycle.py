"""Phases and times: values in, values out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from run_claude.domain.lifecycle import Phase, format_time, parse_time, phase_of


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

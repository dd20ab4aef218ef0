"""Durations, sizes, transitions and watcher events on every screen."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from run_claude.cli.views.formatting import ago, duration, size, transition_json, transition_line, watch_line
from run_claude.domain.lifecycle import Phase, Service, ServiceState, Transition
from run_claude.domain.supervision import Do

HEALTHY = ServiceState(phase=Phase.HEALTHY, id="a" * 64, started_ns=1_000_000_000)
DIED = Transition(
    service=Service.LITELLM,
    before=HEALTHY,
    after=replace(HEALTHY, phase=Phase.EXITED, exit_code=137),
    at_ns=5_000_000_000,
    cause="exited with 137",
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.123, "0.12 s"),
        (9.994, "9.99 s"),
        (12.34, "12.3 s"),
        (61, "1 min 1 s"),
        (7320, "2 h 2 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_a_length_of_time_shows_the_units_that_matter(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_an_unknown_time_is_a_dash() -> None:
    assert ago(None, 5) == "-"


def test_a_transition_is_one_line_with_cause_and_duration() -> None:
    assert transition_line(DIED) == "litellm     healthy → exited (exited with 137, after 4.00 s)"


def test_a_transition_for_machines_has_the_same_facts() -> None:
    assert transition_json(DIED) == {
        "at": "1970-01-01T00:00:05.000Z",
        "service": "litellm",
        "from": "healthy",
        "to": "exited",
        "cause": "exited with 137",
        "container": "a" * 12,
        "exit_code": 137,
        "restarts": 0,
    }


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (51_200, "51.2 kB"), (250_000_000, "250 MB"), (3 * 10**9, "3.0 GB")],
)
def test_a_size_has_the_unit_that_fits(number: int, words: str) -> None:
    assert size(number) == words


@pytest.mark.parametrize("do", list(Do))
def test_every_action_of_the_watcher_has_a_line(do: Do) -> None:
    facts = {"action": do.value, "service": "litellm", "reason": "died 4 times", "attempt": 2, "of": 5}
    assert re.fullmatch(r"healing: \w+ing litellm \(died 4 times\)(, attempt 2 of 5)?", watch_line("action", facts))


def test_an_attempt_past_the_limit_says_that_it_only_checks() -> None:
    facts = {"action": "start", "service": "litellm", "reason": "exited", "attempt": 6, "of": 5}
    line = "healing: starting litellm (exited), to check whether the cause is gone"
    assert watch_line("action", facts) == line

"""What the watcher tells of a transition: when it was, and how long the phase before it had lasted."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from run_claude.cli.views.watch_log import WatchLog
from run_claude.domain.lifecycle import Phase, Service, ServiceState, Transition
from run_claude.state.history import read

if TYPE_CHECKING:
    from pathlib import Path

    from run_claude.cli.context import App
    from run_claude.config.settings import Settings

SECOND = 1_000_000_000


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def history_file(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


@pytest.fixture
def log(rows: list[dict[str, Any]], history_file: Path) -> WatchLog:
    app = SimpleNamespace(json=True, output=SimpleNamespace(record=rows.append))
    settings = SimpleNamespace(instance="test", paths=SimpleNamespace(history_file=history_file))
    return WatchLog(cast("App", app), cast("Settings", settings))


def transition(before: ServiceState, after: Phase, at_ns: int | None) -> Transition:
    state = ServiceState(phase=after, id="c1")
    return Transition(service=Service.LITELLM, before=before, after=state, at_ns=at_ns, cause="for this test")


def test_a_phase_that_began_before_our_eyes_has_lasted_so_long(log: WatchLog, rows: list[dict[str, Any]]) -> None:
    now = time.time_ns()
    log.transition(transition(ServiceState(phase=Phase.EXITED, id="c1"), Phase.STARTING, now - 5 * SECOND))
    log.transition(transition(ServiceState(phase=Phase.STARTING, id="c1"), Phase.HEALTHY, now - 2 * SECOND))
    assert rows[-1]["lasted"] == pytest.approx(3, abs=0.01)


def test_how_old_a_health_is_that_was_there_before_us_nobody_knows(log: WatchLog, rows: list[dict[str, Any]]) -> None:
    old = ServiceState(phase=Phase.HEALTHY, id="c1", healthy_ns=time.time_ns() - 100 * SECOND)
    log.transition(transition(old, Phase.EXITED, time.time_ns()))
    assert rows[-1]["lasted"] is None


@pytest.mark.parametrize("at_ns", [None, 1, SECOND])
def test_the_history_stays_in_order_where_the_engine_gives_no_time_or_one_of_long_ago(
    log: WatchLog, history_file: Path, at_ns: int | None
) -> None:
    began = time.time()
    log.transition(transition(ServiceState(phase=Phase.UNKNOWN), Phase.HEALTHY, at_ns))
    [row] = read(history_file)
    assert row["at"] >= began - 0.01

"""What the last start made, on disk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot
from run_claude.state.applied import Applied, load_applied, record_applied

if TYPE_CHECKING:
    from pathlib import Path

BOTH = (Service.TIMESCALEDB, Service.LITELLM)
RUNNING = Snapshot(
    timescaledb=ServiceState(phase=Phase.HEALTHY, id="t1", config_hash="db"),
    litellm=ServiceState(phase=Phase.HEALTHY, id="l1"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "applied.json"


def test_what_was_recorded_is_read_back(path: Path) -> None:
    record_applied(path, "f1", RUNNING, BOTH)
    last = load_applied(path)
    assert last.fingerprint == "f1"
    assert all(last.made(service, RUNNING) for service in BOTH)


def test_another_container_was_not_made_by_this_start(path: Path) -> None:
    record_applied(path, "f1", RUNNING, BOTH)
    last = load_applied(path)
    assert not last.made(Service.LITELLM, replace(RUNNING, litellm=replace(RUNNING.litellm, id="l2")))
    assert not last.made(Service.LITELLM, Snapshot())


def test_a_container_from_the_same_definition_counts_as_made_by_it(path: Path) -> None:
    record_applied(path, "f1", RUNNING, BOTH)
    healed = replace(RUNNING, timescaledb=replace(RUNNING.timescaledb, id="t2"))
    assert load_applied(path).made(Service.TIMESCALEDB, healed)


def test_a_start_of_one_service_forgets_nothing_of_the_other(path: Path) -> None:
    record_applied(path, "f1", RUNNING, BOTH)
    record_applied(path, "f1", replace(RUNNING, litellm=replace(RUNNING.litellm, id="l2")), [Service.LITELLM])
    last = load_applied(path)
    assert last.made(Service.TIMESCALEDB, RUNNING)
    assert not last.made(Service.LITELLM, RUNNING)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"containers": []}', "[" * 100_000, "{}"])
def test_a_broken_file_counts_as_none(path: Path, content: str) -> None:
    path.write_text(content)
    assert load_applied(path) == Applied()
    record_applied(path, "f1", RUNNING, BOTH)
    assert load_applied(path).made(Service.LITELLM, RUNNING)

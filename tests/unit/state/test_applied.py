from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.deploy.plan import Prepared, prepare
from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot
from run_claude.state.applied import drift, matches, record

if TYPE_CHECKING:
    from run_claude.config.settings import Settings

BOTH = (Service.TIMESCALEDB, Service.LITELLM)


@pytest.fixture
def prepared(settings: Settings, packaged: object) -> Prepared:
    return prepare(settings, profile="demo", database=True)


@pytest.fixture
def running(prepared: Prepared) -> Snapshot:
    litellm = ServiceState(phase=Phase.HEALTHY, id="l1", image=prepared.image, inputs=prepared.inputs)
    return Snapshot(timescaledb=ServiceState(phase=Phase.HEALTHY, id="t1"), litellm=litellm)


def test_what_was_started_matches_until_something_changes(prepared: Prepared, running: Snapshot) -> None:
    assert not matches(prepared, running, BOTH), "nothing was recorded"
    record(prepared, running, BOTH)
    assert matches(prepared, running, BOTH)
    assert not matches(replace(prepared, fingerprint="other"), running, BOTH)
    replaced = replace(running, litellm=replace(running.litellm, id="l2"))
    assert not matches(prepared, replaced, BOTH)
    assert matches(prepared, replaced, [Service.TIMESCALEDB])
    assert not matches(prepared, Snapshot(), BOTH)


def test_a_start_of_one_service_forgets_nothing_of_the_other(prepared: Prepared, running: Snapshot) -> None:
    record(prepared, running, BOTH)
    record(prepared, replace(running, litellm=replace(running.litellm, id="l2")), [Service.LITELLM])
    assert matches(prepared, running, [Service.TIMESCALEDB])
    assert not matches(prepared, running, [Service.LITELLM])


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"containers": []}', "[" * 100_000])
def test_a_broken_record_is_none(prepared: Prepared, running: Snapshot, content: str) -> None:
    prepared.applied_file.write_text(content)
    assert not matches(prepared, running, BOTH)
    record(prepared, running, BOTH)
    assert matches(prepared, running, BOTH)


def test_drift_says_what_a_start_would_change(prepared: Prepared, running: Snapshot) -> None:
    record(prepared, running, BOTH)
    assert drift(prepared, running) == []
    assert drift(replace(prepared, image="x"), running) == ["the image's build inputs have changed"]
    assert drift(replace(prepared, inputs="x"), running) == ["the proxy's configuration or keys have changed"]
    assert drift(replace(prepared, fingerprint="x"), running) == ["settings or the compose file have changed"]
    by_hand = replace(running, timescaledb=replace(running.timescaledb, id="t2"))
    assert drift(prepared, by_hand) == ["a container was made by something else than the last start"]


def test_a_container_made_anew_from_the_same_definition_is_no_drift(prepared: Prepared, running: Snapshot) -> None:
    running = replace(running, timescaledb=replace(running.timescaledb, config_hash="as it was"))
    record(prepared, running, BOTH)
    healed = replace(running, timescaledb=replace(running.timescaledb, id="t2"))
    assert drift(prepared, healed) == []
    assert matches(prepared, healed, BOTH)
    other = replace(healed, timescaledb=replace(healed.timescaledb, config_hash="another"))
    assert drift(prepared, other) == ["a container was made by something else than the last start"]
    assert not matches(prepared, other, BOTH)


def test_what_is_not_there_does_not_drift(prepared: Prepared) -> None:
    assert drift(prepared, Snapshot()) == []

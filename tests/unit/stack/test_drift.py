"""How what runs differs from what would be started: the one comparison of a start and of `status`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import run_claude
from run_claude.deploy.container_files import container_files
from run_claude.deploy.image import litellm_image
from run_claude.deploy.prepare import prepare
from run_claude.deploy.services import install_services
from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot
from run_claude.stack.drift import drift
from run_claude.stack.other_release import other_release
from run_claude.state.applied import record_applied
from run_claude.state.delivered import record_delivered

if TYPE_CHECKING:
    from run_claude.config.settings import Settings
    from run_claude.deploy.plan import Plan

BOTH = (Service.TIMESCALEDB, Service.LITELLM)


@pytest.fixture
def planned(settings: Settings, packaged: object) -> Plan:
    return replace(prepare(settings, profile="demo", database=True), notes=())


@pytest.fixture
def running(settings: Settings, planned: Plan) -> Snapshot:
    litellm = ServiceState(phase=Phase.HEALTHY, id="l1", image=planned.image, inputs=planned.inputs)
    timescaledb = ServiceState(phase=Phase.HEALTHY, id="t1", config_hash="db")
    snapshot = Snapshot(timescaledb=timescaledb, litellm=litellm)
    record_applied(settings.paths.applied_file, planned.fingerprint, snapshot, BOTH)
    given = container_files(settings.paths, planned.project.variables, BOTH)
    record_delivered(settings.paths.delivered_file, "unix:///x", given)
    return snapshot


def test_what_was_just_started_does_not_differ(settings: Settings, planned: Plan, running: Snapshot) -> None:
    assert drift(settings, planned, running) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"image": "x"}, "the image's build inputs have changed"),
        ({"inputs": "x"}, "the proxy's configuration or keys have changed"),
        ({"fingerprint": "x"}, "settings or the compose file have changed"),
    ],
)
def test_it_says_what_a_start_would_change(
    settings: Settings, planned: Plan, running: Snapshot, changed: dict[str, str], said: str
) -> None:
    assert drift(settings, replace(planned, **changed), running) == [said]  # type: ignore[arg-type]


def test_a_container_made_by_hand_differs(settings: Settings, planned: Plan, running: Snapshot) -> None:
    by_hand = replace(running, timescaledb=replace(running.timescaledb, id="t2", config_hash="other"))
    assert drift(settings, planned, by_hand) == ["a container was made by something else than the last start"]
    assert drift(settings, planned, by_hand, [Service.LITELLM]) == []


def test_a_container_made_again_from_the_same_definition_does_not(
    settings: Settings, planned: Plan, running: Snapshot
) -> None:
    assert drift(settings, planned, replace(running, timescaledb=replace(running.timescaledb, id="t2"))) == []


@pytest.mark.parametrize("name", ["litellm_config", "litellm_secrets", "database_secret", "compose_env_file"])
def test_a_file_that_another_command_has_written_or_removed_differs(
    settings: Settings, planned: Plan, running: Snapshot, name: str
) -> None:
    path = getattr(settings.paths, name)
    path.write_bytes(b"another shell's")
    assert drift(settings, planned, running) == [f"{path} was changed or removed"]
    path.unlink()
    assert drift(settings, planned, running) == [f"{path} was changed or removed"]


def test_a_key_file_that_others_can_read_differs(settings: Settings, planned: Plan, running: Snapshot) -> None:
    settings.paths.litellm_secrets.chmod(0o644)
    assert drift(settings, planned, running) == [f"{settings.paths.litellm_secrets} was changed or removed"]


def test_what_only_a_build_reads_is_no_difference(settings: Settings, planned: Plan, running: Snapshot) -> None:
    assert drift(settings, replace(planned, build_secrets="PIP_INDEX_URL=x\n"), running) == []


def test_a_newer_release_differs_before_it_is_installed(
    settings: Settings, planned: Plan, running: Snapshot, packaged: dict[str, bytes]
) -> None:
    packaged["docker-compose.yaml"] = b"services: {new: {}}\n"
    services = settings.paths.services
    assert drift(settings, planned, running) == [f"this copy of run-claude replaces 1 file in {services}"]


@pytest.mark.parametrize(("last", "age"), [("0.0.9", "newer"), ("99.0.1", "older")])
def test_an_upgrade_is_seen_with_the_image_that_it_brings(
    settings: Settings,
    planned: Plan,
    running: Snapshot,
    packaged: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    last: str,
    age: str,
) -> None:
    this = run_claude.__version__
    monkeypatch.setattr(run_claude, "__version__", last)
    record_applied(settings.paths.applied_file, planned.fingerprint, running, BOTH)
    monkeypatch.setattr(run_claude, "__version__", this)
    packaged["requirements.txt"] = b"litellm==2\n"
    del packaged["callbacks/demo_provider.py"]
    packaged["callbacks/other_provider.py"] = b"handler = None\n"
    [said] = drift(settings, planned, running)
    assert said.startswith(f"run-claude {this}, {age} than {last} that has started this, replaces 3 files in ")
    install_services(settings.paths)
    assert said.endswith(f"brings the image {litellm_image(settings)}")  # what a start then builds
    assert other_release(settings, running) == ""


def test_what_is_not_there_does_not_differ(settings: Settings, planned: Plan) -> None:
    os.unlink(settings.paths.litellm_secrets)  # noqa: PTH108 (quick)
    assert drift(settings, planned, Snapshot()) == []


def test_profiles_that_the_proxy_does_not_know_yet_differ(settings: Settings, planned: Plan, running: Snapshot) -> None:
    settings.paths.profiles_table.write_text("{}")
    assert drift(settings, planned, running) == ["the profiles have changed"]

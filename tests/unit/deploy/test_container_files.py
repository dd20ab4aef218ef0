"""What each container is given to read, as content."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.config.settings import load_settings
from run_claude.deploy.container_files import changing_files, container_files, database_inputs
from run_claude.deploy.plan import plan
from run_claude.deploy.prepare import prepare
from run_claude.deploy.routing import open_pages, set_default_profile
from run_claude.domain.lifecycle import Service
from run_claude.errors import ConfigError
from run_claude.state.delivered import doubt_delivered, record_delivered, undelivered

if TYPE_CHECKING:
    from pathlib import Path

    from run_claude.config.settings import Settings
    from run_claude.deploy.plan import Plan
    from run_claude.domain.container_files import ContainerFiles

pytestmark = pytest.mark.usefixtures("packaged")

BOTH = (Service.TIMESCALEDB, Service.LITELLM)


@pytest.fixture
def planned(settings: Settings) -> Plan:
    found = prepare(settings, profile="demo", database=True)
    set_default_profile(settings, "demo")
    return found


def given(settings: Settings, planned: Plan, *services: Service) -> dict[str, dict[str, bytes]]:
    """Return the content of each file by its name, by volume."""
    found: dict[str, dict[str, bytes]] = {}
    for content in container_files(settings.paths, planned.project.variables, services or BOTH):
        found.setdefault(content.volume, {}).update({file.name: file.data for file in content.files})
    return found


def test_the_proxy_reads_its_secrets_its_configuration_and_its_profiles(settings: Settings, planned: Plan) -> None:
    files = given(settings, planned)["run-claude-litellm-files"]
    assert set(files) == {"ca", "default", "litellm.json", "litellm_config.yaml", "profiles.json"}
    assert json.loads(files["litellm.json"])["LITELLM_MASTER_KEY"].startswith("sk-")
    assert files["default"] == b"demo\n"
    assert "pages" not in files


def test_the_database_reads_its_scripts_and_its_password(settings: Settings, planned: Plan) -> None:
    files = given(settings, planned)["run-claude-timescaledb-files"]
    assert set(files) == {"databases", "entrypoint", "healthcheck", "pg_hba.conf", "postgres_password"}
    assert files["postgres_password"] == settings.paths.database_secret.read_bytes()


def test_a_service_that_is_not_started_is_given_nothing(settings: Settings, planned: Plan) -> None:
    assert set(given(settings, planned, Service.LITELLM)) == {"run-claude-litellm-files"}


def test_the_containers_user_reads_them_by_its_group_and_nobody_else_does(settings: Settings) -> None:
    settings = replace(settings, container_user=(54321, 54322))
    planned = prepare(settings, profile="demo", database=True)
    fixed, changing = container_files(settings.paths, planned.project.variables, [Service.LITELLM])
    for content in (fixed, changing):
        assert (content.group, content.mode) == (54322, 0o750)
        assert {file.mode for file in content.files} == {0o440}


def test_only_root_reads_the_databases_password(settings: Settings, planned: Plan) -> None:
    (content,) = container_files(settings.paths, planned.project.variables, [Service.TIMESCALEDB])
    modes = {file.name: file.mode for file in content.files}
    assert modes.pop("postgres_password") == 0o400
    assert set(modes.values()) == {0o444}, "the scripts run as postgres as well"
    assert "planted" not in repr(content)


def test_a_ca_travels_as_content_and_a_former_one_does_not_stay(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("a company's")
    own = replace(settings, ca_bundle=tmp_path / "ca.pem")
    files = given(own, prepare(own, profile="demo", database=True))
    assert files["run-claude-litellm-files"]["ca"] == b"a company's"
    without = replace(settings, ca_bundle=None)
    assert given(without, prepare(without, profile="demo", database=True))["run-claude-litellm-files"]["ca"] == b""


def test_another_ca_makes_the_proxy_anew(settings: Settings, tmp_path: Path) -> None:
    settings = replace(settings, ca_bundle=tmp_path / "ca.pem")
    (tmp_path / "ca.pem").write_text("one")
    one = prepare(settings, profile="demo", database=True)
    (tmp_path / "ca.pem").write_text("two")
    assert plan(settings, profile="demo", database=True).inputs != one.inputs


def test_a_script_of_the_users_makes_the_database_anew_and_another_password_does_not(
    settings: Settings, planned: Plan
) -> None:
    before = database_inputs(settings.paths)
    assert planned.project.variables["RUN_CLAUDE_TIMESCALEDB_INPUTS"] == before
    settings.paths.database_secret.write_text("another")
    assert database_inputs(settings.paths) == before
    (settings.paths.services / "timescaledb/healthcheck").write_text("exit 0\n")
    assert database_inputs(settings.paths) != before


def test_what_is_not_on_disk_is_left_as_it_is_in_the_volume(settings: Settings, planned: Plan) -> None:
    settings.paths.litellm_config.unlink()
    assert "litellm_config.yaml" not in given(settings, planned)["run-claude-litellm-files"]


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with callbacks of the user's own."""
    for name in ("own.py", "lib/helper.py", "__pycache__/own.cpython-313.pyc", ".git/config"):
        path = tmp_path / "callbacks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    return replace(settings, callbacks=tmp_path / "callbacks")


def test_callbacks_of_the_users_own_are_in_a_volume_of_their_content(own: Settings) -> None:
    planned = prepare(own, profile="demo", database=True)
    volume = planned.project.variables["RUN_CLAUDE_CALLBACKS_VOLUME"]
    assert volume.startswith("run-claude-litellm-callbacks-")
    assert given(own, planned)[volume] == {"own.py": b"# own.py\n", "lib/helper.py": b"# lib/helper.py\n"}
    assert own.callbacks is not None
    (own.callbacks / "own.py").write_text("changed = True\n")
    after = plan(own, profile="demo", database=True)
    assert after.project.variables["RUN_CLAUDE_CALLBACKS_VOLUME"] != volume, "the proxy is made anew"
    assert after.fingerprint != planned.fingerprint


def test_a_folder_of_something_else_is_refused(own: Settings) -> None:
    assert own.callbacks is not None
    prepare(own, profile="demo", database=True)
    with (own.callbacks / "disk.img").open("wb") as file:
        file.truncate(21_000_000)
    with pytest.raises(ConfigError, match="RUN_CLAUDE_CALLBACKS"):
        plan(own, profile="demo", database=True)


ENGINE = "unix:///var/run/docker.sock"


def changes(settings: Settings, planned: Plan) -> ContainerFiles:
    return changing_files(settings.paths, planned.project.variables)


def test_what_was_handed_over_is_remembered_by_content(settings: Settings, planned: Plan) -> None:
    record = settings.paths.delivered_file
    assert set(undelivered(record, [changes(settings, planned)])) == {"profiles.json", "default"}
    record_delivered(record, ENGINE, container_files(settings.paths, planned.project.variables, BOTH))
    assert undelivered(record, [changes(settings, planned)]) == []
    set_default_profile(settings, "other")
    open_pages(settings)
    assert undelivered(record, [changes(settings, planned)]) == ["default", "pages"]
    record_delivered(record, ENGINE, [changes(settings, planned)])
    assert undelivered(record, container_files(settings.paths, planned.project.variables, BOTH)) == []
    assert settings.paths.database_secret.read_text() not in record.read_text()


def test_another_engine_was_given_nothing(settings: Settings, planned: Plan) -> None:
    record, content = settings.paths.delivered_file, [changes(settings, planned)]
    record_delivered(record, ENGINE, content)
    assert undelivered(record, content, engine="unix:///run/other.sock")
    record_delivered(record, "unix:///run/other.sock", content)
    assert undelivered(record, content, engine=ENGINE), "it may have been given others since"


def test_what_is_being_written_counts_as_missing_until_it_is(settings: Settings, planned: Plan) -> None:
    record, content = settings.paths.delivered_file, [changes(settings, planned)]
    record_delivered(record, ENGINE, container_files(settings.paths, planned.project.variables, BOTH))
    doubt_delivered(record, ENGINE, content)
    missing = undelivered(record, container_files(settings.paths, planned.project.variables, BOTH))
    assert missing == list(content[0].digests())


def test_callbacks_that_have_changed_since_are_not_put_where_the_old_ones_are(
    settings: Settings, packaged: object, tmp_path: Path
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "own.py").write_text("good = 1\n")
    own = load_settings({**settings.environ, "RUN_CLAUDE_CALLBACKS": str(folder)})
    variables = prepare(own, profile="demo", database=False).project.variables
    volume = variables["RUN_CLAUDE_CALLBACKS_VOLUME"]
    assert volume in {content.volume for content in container_files(own.paths, variables, [Service.LITELLM])}
    (folder / "own.py").write_text("broken!\n")
    assert volume not in {content.volume for content in container_files(own.paths, variables, [Service.LITELLM])}


def test_a_broken_memory_hands_everything_over_again(settings: Settings, planned: Plan) -> None:
    record_delivered(settings.paths.delivered_file, ENGINE, [changes(settings, planned)])
    settings.paths.delivered_file.write_text("[")
    assert undelivered(settings.paths.delivered_file, [changes(settings, planned)])

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.config.database_roles import litellm_password
from run_claude.config.secrets import DATABASE_PASSWORD, MASTER_KEY, SALT_KEY, read_secrets, rotate
from run_claude.config.settings import Prisma, Settings, load_settings
from run_claude.deploy.plan import plan
from run_claude.deploy.prepare import prepare
from run_claude.errors import ConfigError, UsageError
from run_claude.state.deployed import load_deployment
from run_claude.state.intent import Intent, save_intent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[str, str], Path]

pytestmark = pytest.mark.usefixtures("packaged")


def _tree(settings: Settings) -> dict[str, tuple[int, bytes]]:
    files = [path for folder in (settings.paths.config, settings.paths.state) for path in folder.rglob("*")]
    return {str(path): (path.stat().st_ino, path.read_bytes()) for path in files if path.is_file()}


def test_a_first_call_makes_everything_that_a_start_needs(settings: Settings) -> None:
    prepared = prepare(settings, profile="demo", database=True)
    paths = settings.paths
    assert prepared.profile.name == "demo"
    assert prepared.project.files == (paths.services / "docker-compose.yaml",)
    assert prepared.project.files[0].is_file()
    assert prepared.project.variables["RUN_CLAUDE_LITELLM_IMAGE"] == prepared.image
    assert prepared.project.variables["RUN_CLAUDE_LITELLM_INPUTS"] == prepared.inputs
    for path in (paths.env_file, paths.litellm_config, paths.litellm_secrets, paths.database_secret):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (paths.config, paths.instance_state, paths.secrets_dir):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("LITELLM_CONFIG", "LITELLM_SECRETS", "TIMESCALEDB_SECRET"):
        assert os.path.isfile(prepared.project.variables[f"RUN_CLAUDE_{name}"])  # noqa: PTH113 (a text)


def test_a_second_call_writes_nothing_and_gives_the_same(settings: Settings) -> None:
    first = prepare(settings, profile="demo", database=True)
    before = _tree(settings)
    second = prepare(settings, profile="demo", database=True)
    assert _tree(settings) == before
    assert second == replace(first, notes=())


def test_a_plan_writes_nothing_and_is_what_prepare_makes(settings: Settings) -> None:
    prepared = prepare(settings, profile="demo", database=True)
    before = _tree(settings)
    assert plan(settings, profile="demo", database=True) == replace(prepared, notes=())
    changed = plan(replace(settings, port=5001), profile="demo", database=False)
    assert changed.inputs != prepared.inputs
    assert changed.fingerprint != prepared.fingerprint
    assert _tree(settings) == before


def test_a_plan_before_the_first_start_says_what_is_missing(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="LITELLM_MASTER_KEY"):
        plan(settings, profile=None, database=True)
    assert not settings.paths.config.exists()


def test_the_proxy_gets_the_database_only_when_it_can_use_it(settings: Settings) -> None:
    def handed_over(*, database: bool, prisma: Prisma = Prisma.ON) -> dict[str, str]:
        prepare(replace(settings, prisma=prisma), profile="demo", database=database)
        found: dict[str, str] = json.loads(settings.paths.litellm_secrets.read_text())
        return found

    with_it = handed_over(database=True)
    secrets = read_secrets(settings)
    assert with_it == {
        "LITELLM_MASTER_KEY": secrets.master_key,
        "LITELLM_SALT_KEY": secrets.salt_key,
        "UI_PASSWORD": secrets.ui_password,
        "UI_USERNAME": secrets.ui_username,
        "DATABASE_HOST": "timescaledb",
        "DATABASE_NAME": "litellm",
        "DATABASE_PASSWORD": litellm_password(secrets.database_password),
        "DATABASE_USERNAME": "litellm",
    }
    assert set(handed_over(database=False)) == {"LITELLM_MASTER_KEY", "LITELLM_SALT_KEY"}
    assert set(handed_over(database=True, prisma=Prisma.OFF)) == {"LITELLM_MASTER_KEY", "LITELLM_SALT_KEY"}
    assert handed_over(database=True, prisma=Prisma.NATIVE) == with_it
    assert not prepare(replace(settings, prisma=Prisma.OFF), profile="demo", database=True).database


def test_the_proxy_gets_no_password_but_its_own_roles(settings: Settings) -> None:
    prepare(settings, profile="demo", database=True)
    assert read_secrets(settings).database_password not in settings.paths.litellm_secrets.read_text()


def test_the_databases_port_is_published_only_where_it_was_asked_for(environ: dict[str, str]) -> None:
    def files(**more: str) -> list[str]:
        project = prepare(load_settings({**environ, **more}), profile="demo", database=True).project
        assert project.variables["RUN_CLAUDE_TIMESCALEDB_HBA"] == "/run-claude/pg_hba.conf"
        return [path.name for path in project.files]

    assert files() == ["docker-compose.yaml"]
    assert files(RUN_CLAUDE_TIMESCALEDB_PORT="5433") == ["docker-compose.yaml", "docker-compose.port.yaml"]


def test_what_an_older_release_has_started_needs_no_file_that_it_does_not_have(environ: dict[str, str]) -> None:
    settings = load_settings({**environ, "RUN_CLAUDE_TIMESCALEDB_PORT": "5433"})
    paths, project = settings.paths, prepare(settings, profile="demo", database=True).project
    (paths.services / "docker-compose.port.yaml").touch()
    assert load_deployment(paths).project.files == project.files
    (paths.services / "docker-compose.port.yaml").unlink()
    assert load_deployment(paths).project.files == (paths.services / "docker-compose.yaml",)


def test_the_database_gets_its_password_and_nothing_else(settings: Settings) -> None:
    prepare(settings, profile="demo", database=True)
    assert settings.paths.database_secret.read_text() == read_secrets(settings).database_password


def test_the_proxy_gets_the_keys_of_what_it_serves_and_no_others(environ: dict[str, str], write: Write) -> None:
    write(".env", "OPENAI_API_KEY='a b$c'\nAWS_REGION=eu\nUNRELATED=planted\n")
    settings = load_settings({**environ, "GROQ_API_KEY": "g", "OTHER": "planted"})
    prepare(settings, profile="demo", database=False)
    found = json.loads(settings.paths.litellm_secrets.read_text())
    assert found.keys() - {MASTER_KEY, SALT_KEY} == {"OPENAI_API_KEY", "GROQ_API_KEY"}
    assert found["OPENAI_API_KEY"] == "a b$c"


def test_no_secret_is_in_what_is_shown_or_given_to_compose(environ: dict[str, str]) -> None:
    settings = load_settings({**environ, "OPENAI_API_KEY": "sk-planted-0123456789"})
    prepared = prepare(settings, profile=None, database=True)
    secrets = read_secrets(settings)
    shown = repr(prepared) + settings.paths.compose_env_file.read_text() + settings.paths.litellm_config.read_text()
    for value in (secrets.master_key, secrets.database_password, "sk-planted"):
        assert value not in shown


def test_what_the_proxy_is_made_with_changes_its_inputs_and_what_is_not_does_not(
    environ: dict[str, str], settings: Settings, write: Write
) -> None:
    def inputs(**more: str) -> str:
        return prepare(load_settings({**environ, **more}), profile="demo", database=True).inputs

    first = inputs()
    assert inputs(LITELLM_PORT="5001") == first
    assert inputs(GROQ_API_KEY="x") not in (first, inputs(GROQ_API_KEY="y"))
    write("models.yaml", "router_settings: {num_retries: 1}\n")
    assert inputs() != first
    write("models.yaml", "# nothing\n")
    assert inputs() == first
    rotate(settings, [MASTER_KEY])
    assert inputs() != first


def test_going_from_one_profile_to_another_changes_nothing_of_what_runs(environ: dict[str, str]) -> None:
    settings = load_settings({**environ, "GROQ_API_KEY": "x", "XAI_API_KEY": "y"})
    one, two = (prepare(settings, profile=name, database=True) for name in ("groq", "xai"))
    assert (one.inputs, one.fingerprint, one.image) == (two.inputs, two.fingerprint, two.image)


@pytest.mark.parametrize(
    ("keys", "last", "name", "note"),
    [
        pytest.param({}, None, "demo", "no provider's key is set", id="nothing"),
        pytest.param({"XAI_API_KEY": "x"}, None, "xai", "its keys are there", id="first usable"),
        pytest.param({"XAI_API_KEY": "x"}, "demo", "demo", "", id="last"),
        pytest.param({"XAI_API_KEY": "x"}, "openai", "xai", "lacks a key now", id="last lost its key"),
        pytest.param({}, "mine", "demo", "is not there any more", id="last is gone"),
    ],
)
def test_without_a_name_a_profile_is_chosen_and_said(
    environ: dict[str, str], keys: dict[str, str], last: str | None, name: str, note: str
) -> None:
    settings = load_settings({**environ, **keys})
    prepare(settings, profile="demo", database=True)
    if last is not None:
        save_intent(settings.paths.intent_file, Intent(wanted="up", database=True, profile=last))
    prepared = prepare(settings, profile=None, database=True)
    assert prepared.profile.name == name
    assert note in "\n".join(prepared.notes)
    assert bool(note) == bool(prepared.notes)


def test_a_broken_intent_is_passed_over_and_said(settings: Settings) -> None:
    settings.paths.instance_state.mkdir(parents=True)
    settings.paths.intent_file.write_text("{")
    prepared = prepare(settings, profile=None, database=True)
    assert prepared.profile.name == "demo"
    assert any("intent.json" in note for note in prepared.notes)


def test_a_profile_without_its_key_says_which_and_where_to_put_it(settings: Settings) -> None:
    with pytest.raises(ConfigError) as raised:
        prepare(settings, profile="openai", database=True)
    assert raised.value.code == "key-missing"
    assert raised.value.facts == {"profile": "openai", "missing": ["OPENAI_API_KEY"]}
    assert str(settings.paths.env_file) in raised.value.help


def test_a_profile_with_some_of_its_keys_is_served_as_far_as_it_goes(environ: dict[str, str], write: Write) -> None:
    write("profiles.yaml", "profiles:\n  mixed: {opus: gpt-6-astra, sonnet: xai-grok-4.7, haiku: demo-haiku}\n")
    settings = load_settings({**environ, "XAI_API_KEY": "x"})
    prepare(settings, profile="demo", database=True)
    prepared = prepare(settings, profile="mixed", database=True)
    assert prepared.notes == ("gpt-6-astra is left out: OPENAI_API_KEY not set.",)


def test_an_unknown_profile_is_a_usage_error(settings: Settings) -> None:
    with pytest.raises(UsageError, match="no profile 'nope'"):
        prepare(settings, profile="nope", database=True)


def test_a_callbacks_folder_adds_its_compose_file(settings: Settings, tmp_path: Path) -> None:
    prepared = prepare(replace(settings, callbacks=tmp_path), profile="demo", database=True)
    assert [path.name for path in prepared.project.files] == ["docker-compose.yaml", "docker-compose.callbacks.yaml"]
    assert prepared.project.variables["RUN_CLAUDE_CALLBACKS"] == str(tmp_path)


def test_build_secrets_come_and_go_with_what_is_set(environ: dict[str, str]) -> None:
    with_index = load_settings({**environ, "UV_INDEX_URL": "https://me:pw@index"})
    prepare(with_index, profile="demo", database=True)
    path = with_index.paths.build_secrets
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    prepare(load_settings(environ), profile="demo", database=True)
    assert not path.exists()


def test_what_the_containers_read_stays_the_users_on_disk(settings: Settings) -> None:
    prepare(settings, profile="demo", database=True)
    paths = settings.paths
    for path in (paths.litellm_config, paths.litellm_secrets, paths.database_secret, paths.profiles_table):
        found = path.stat()
        assert (found.st_uid, found.st_mode & 0o777) == (os.getuid(), 0o600)


def test_the_google_credentials_that_a_variable_points_to_are_handed_over(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "key.json").write_text('{"type": "service_account"}\n')
    environ |= {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json"), "VERTEXAI_PROJECT": "p"}
    settings = load_settings(environ)
    assert prepare(settings, profile="vertex", database=True).profile.name == "vertex"
    handed_over = json.loads(settings.paths.litellm_secrets.read_text())
    assert handed_over["VERTEXAI_CREDENTIALS"] == '{"type": "service_account"}'
    with pytest.raises(ConfigError, match="VERTEXAI_CREDENTIALS not set"):
        prepare(
            load_settings({**environ, "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path)}), profile="vertex", database=True
        )


def test_two_instances_do_not_touch_each_others_files(environ: dict[str, str]) -> None:
    one, two = load_settings(environ), load_settings(environ, instance="two", port=5001)
    prepare(one, profile="demo", database=True)
    before = {path: seen for path, seen in _tree(one).items() if "manifest" not in path}
    prepare(two, profile="demo", database=False)
    assert {path: seen for path, seen in _tree(one).items() if path in before} == before
    assert DATABASE_PASSWORD in one.paths.env_file.read_text()


def test_a_fallback_with_its_key_does_not_make_a_profile_without_keys_usable(settings: Settings, write: Write) -> None:
    write("profiles.yaml", "profiles:\n  mine: {extends: openai, fallbacks: [demo-opus]}\n")
    with pytest.raises(ConfigError) as raised:
        prepare(settings, profile="mine", database=True)
    assert raised.value.code == "key-missing"


ACCOUNT = (
    '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nplanted\\n-----END PRIVATE KEY-----"}'
)
VERTEX = """\
model_list:
- model_name: mine
  litellm_params: {model: vertex_ai/gemini, vertex_project: p, vertex_credentials: os.environ/VERTEXAI_CREDENTIALS}
"""


def test_a_file_that_a_variable_names_travels_as_its_content(settings: Settings, write: Write) -> None:
    write("models.yaml", VERTEX)
    account = write("account.json", ACCOUNT)
    write(".env", f"VERTEXAI_CREDENTIALS={account}\nAWS_SHARED_CREDENTIALS_FILE={account}\n")
    planned = prepare(settings, profile="demo", database=False)
    handed_over = json.loads(planned.files[settings.paths.litellm_secrets])
    assert handed_over["file:VERTEXAI_CREDENTIALS"] == ACCOUNT
    assert "VERTEXAI_CREDENTIALS" not in handed_over
    assert "file:AWS_SHARED_CREDENTIALS_FILE" not in handed_over  # nothing in the configuration reads it
    assert b"planted" not in planned.files[settings.paths.litellm_config]
    before = planned.inputs
    account.write_text(ACCOUNT.replace("planted", "another"))
    assert plan(settings, profile="demo", database=False).inputs != before


def test_a_file_travels_whatever_the_name_of_its_variable(settings: Settings, write: Write) -> None:
    write("models.yaml", VERTEX.replace("VERTEXAI_CREDENTIALS", "MY_ACCOUNT") + "pass_env: [ELSEWHERE]\n")
    account = write("account.json", ACCOUNT)
    write(".env", f"MY_ACCOUNT={account}\nELSEWHERE=/in/the/container\n")
    planned = prepare(settings, profile="demo", database=False)
    handed_over = json.loads(planned.files[settings.paths.litellm_secrets])
    assert handed_over["file:MY_ACCOUNT"] == ACCOUNT
    assert handed_over["ELSEWHERE"] == "/in/the/container"


def test_credentials_that_are_the_content_itself_stay_it(settings: Settings, write: Write) -> None:
    write("models.yaml", VERTEX)
    write(".env", f"VERTEXAI_CREDENTIALS='{ACCOUNT}'\n")
    planned = prepare(settings, profile="demo", database=False)
    assert json.loads(planned.files[settings.paths.litellm_secrets])["VERTEXAI_CREDENTIALS"] == ACCOUNT


def test_a_file_that_is_not_there_leaves_its_model_out_and_is_said(settings: Settings, write: Write) -> None:
    write("models.yaml", VERTEX)
    env = write(".env", "VERTEXAI_CREDENTIALS=/nowhere/account.json\n")
    planned = prepare(settings, profile="demo", database=False)
    assert b"vertex_ai/gemini" not in planned.files[settings.paths.litellm_config]
    assert f"{env}:1: VERTEXAI_CREDENTIALS: /nowhere/account.json is not there, or no file." in planned.notes


def test_what_callbacks_read_is_handed_over_for_a_container(settings: Settings, write: Write) -> None:
    write("models.yaml", "litellm_settings: {success_callback: [langfuse]}\npass_env: [MINE]\n")
    write(".env", "LANGFUSE_HOST=http://localhost:3000\nLANGFUSE_SECRET_KEY=sk-lf-planted\nMINE=1\nNOT_MINE=1\n")
    planned = prepare(settings, profile="demo", database=False)
    handed_over = json.loads(planned.files[settings.paths.litellm_secrets])
    assert handed_over["LANGFUSE_HOST"] == "http://host.docker.internal:3000"
    assert (handed_over["LANGFUSE_SECRET_KEY"], handed_over["MINE"]) == ("sk-lf-planted", "1")
    assert "NOT_MINE" not in handed_over
    assert "langfuse sends nothing: the image has no langfuse (docs/litellm-config.md)." in planned.notes
    requirements = settings.paths.services / "requirements.txt"
    requirements.write_text(requirements.read_text() + "langfuse==3.0.0\n")
    assert not plan(settings, profile="demo", database=False).notes

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.config.catalogue import load_catalogue
from run_claude.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from run_claude.config.paths import Paths

    Write = Callable[[str, str], Path]

MINE = """\
models:
  mine:
    description: my own
    litellm_params:
      model: openai/mine
      api_base: ${MY_BASE:-http://localhost:8000/v1}
      api_key: os.environ/MY_KEY
    needs: [ONE | OTHER]
    uses: EXTRA
    model_info: {mode: chat}
"""


def test_without_user_files_there_are_the_built_in_ones(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    assert catalogue.profile("demo").opus == "demo-opus"
    assert {"anthropic", "openai", "ollama"} < set(catalogue.profiles)


def test_every_built_in_profile_names_models_that_there_are(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    for profile in catalogue.profiles.values():
        assert set(profile.served) <= set(catalogue.models), profile.name
        assert profile.description


def test_a_model_of_the_users_is_read_whole(paths: Paths, write: Write) -> None:
    path = write("models.yaml", MINE)
    model = load_catalogue(paths).model("mine")
    assert model.id == "openai/mine"
    assert model.provider == "openai"
    assert set(model.needs) == {("ONE", "OTHER"), ("MY_KEY",)}
    assert set(model.uses) == {"EXTRA", "MY_BASE"}
    assert model.info == {"mode": "chat"}
    assert model.source == f"{path}:2"


def test_what_is_missing_is_told_by_group(paths: Paths, write: Write) -> None:
    write("models.yaml", MINE)
    model = load_catalogue(paths).model("mine")
    assert set(model.missing({"EXTRA"}.__contains__)) == {"ONE or OTHER", "MY_KEY"}
    assert model.missing({"OTHER", "MY_KEY"}.__contains__) == ()


def test_a_name_that_is_built_in_stands_for_the_users(paths: Paths, write: Write) -> None:
    write("models.yaml", "models:\n  demo-opus: {litellm_params: {model: openai/x}}\n")
    assert load_catalogue(paths).model("demo-opus").id == "openai/x"


def test_null_takes_a_built_in_one_away_and_out_of_the_built_in_profiles(paths: Paths, write: Write) -> None:
    write("models.yaml", "models:\n  demo-opus: null\n  gpt-6-astra: null\n  gpt-6.1-sol: null\n  gpt-6-luna: null\n")
    write("profiles.yaml", "profiles:\n  gemini: null\n")
    catalogue = load_catalogue(paths)
    assert "demo-opus" not in catalogue.models
    assert catalogue.profile("demo").role("opus") == "demo-sonnet"
    assert not {"openai", "gemini"} & set(catalogue.profiles)


def test_null_for_what_a_release_no_longer_has_is_no_error(paths: Paths, write: Write) -> None:
    write("models.yaml", "models: {gone: null}\n")
    write("profiles.yaml", "profiles: {gone: null}\n")
    load_catalogue(paths)


def test_a_profile_takes_over_what_it_extends(paths: Paths, write: Write) -> None:
    path = write(
        "profiles.yaml",
        "profiles:\n"
        "  late: {extends: early, haiku: demo-haiku, env: {B: 2, C: true}}\n"
        "  early: {extends: demo, description: mine, subagent: demo-haiku, env: {A: 1, B: 1}}\n"
        "  demo: {extends: demo, opus: demo-sonnet, models: [demo-opus]}\n",
    )
    catalogue = load_catalogue(paths)
    late = catalogue.profile("late")
    assert (late.opus, late.sonnet, late.haiku) == ("demo-sonnet", "demo-sonnet", "demo-haiku")
    assert late.subagent == "demo-haiku"
    assert late.models == ("demo-opus",)
    assert late.env == {"A": "1", "B": "2", "C": "1"}
    assert late.description == "mine"
    assert late.source == f"{path}:2"
    assert list(catalogue.profiles)[:3] == ["late", "early", "demo"]


@pytest.mark.parametrize(
    ("given", "opus", "sonnet", "haiku"),
    [
        ({"opus"}, "opus", "opus", "opus"),
        ({"sonnet"}, "sonnet", "sonnet", "sonnet"),
        ({"haiku"}, "haiku", "haiku", "haiku"),
        ({"opus", "haiku"}, "opus", "opus", "haiku"),
        ({"sonnet", "haiku"}, "sonnet", "sonnet", "haiku"),
        ({"opus", "sonnet"}, "opus", "sonnet", "sonnet"),
    ],
)
def test_a_role_that_is_not_set_is_the_nearest_one_that_is(
    paths: Paths, write: Write, given: set[str], opus: str, sonnet: str, haiku: str
) -> None:
    roles = ", ".join(f"{role}: demo-{role}" for role in given)
    write("profiles.yaml", f"profiles:\n  mine: {{{roles}}}\n")
    profile = load_catalogue(paths).profile("mine")
    assert [profile.role(role) for role in ("opus", "sonnet", "haiku")] == [
        f"demo-{role}" for role in (opus, sonnet, haiku)
    ]


def test_the_first_profile_whose_keys_are_there_is_found(paths: Paths, write: Write) -> None:
    catalogue = load_catalogue(paths)
    assert catalogue.first_usable(set[str]().__contains__) is None
    for keys, name in (
        ({"GROQ_API_KEY"}, "groq"),
        ({"GROQ_API_KEY", "OPENAI_API_KEY"}, "openai"),
        ({"AWS_ACCESS_KEY_ID"}, None),
        ({"AWS_REGION", "AWS_BEARER_TOKEN_BEDROCK"}, "bedrock"),
        ({"OLLAMA_API_BASE"}, "ollama"),
        ({"HOSTED_VLLM_API_BASE"}, None),
    ):
        found = catalogue.first_usable(keys.__contains__)
        assert (found.name if found else None) == name


def test_an_unknown_name_is_told_with_the_close_ones(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    with pytest.raises(UsageError, match="no profile 'antropic'") as raised:
        catalogue.profile("antropic")
    assert "anthropic" in raised.value.help
    assert raised.value.code == "unknown-profile"
    with pytest.raises(UsageError, match="no model 'demo-opsu'") as raised:
        catalogue.model("demo-opsu")
    assert "demo-opus" in raised.value.help


BAD_MODELS = [
    ("- a\n", 1, "", "config-invalid"),
    ("model: {}\n", 1, "model", "unknown-key"),
    ("models: [a]\n", 1, "models", "config-invalid"),
    ("models:\n  a b: null\n", 2, "models.a b", "config-invalid"),
    ("models:\n  a: 1\n", 2, "models.a", "config-invalid"),
    ("models:\n  a: {}\n", 2, "models.a", "config-invalid"),
    ("models:\n  a:\n    litellm_params: {x: 1}\n", 3, "models.a.litellm_params", "config-invalid"),
    ("models:\n  a:\n    litellm_params: {model: 1}\n", 3, "models.a.litellm_params.model", "config-invalid"),
    ("models:\n  a:\n    litellm_params: {model: x/y}\n    neds: [X]\n", 4, "models.a.neds", "unknown-key"),
    ("models:\n  a:\n    litellm_params: {model: x/y}\n    needs: {X: 1}\n", 4, "models.a.needs", "config-invalid"),
    (
        "models:\n  a:\n    litellm_params: {model: x/y}\n    needs:\n    - X\n    - 1\n",
        6,
        "models.a.needs.1",
        "config-invalid",
    ),
    ("models:\n  a:\n    litellm_params: {model: x/y}\n    needs: [X-Y]\n", 4, "models.a.needs.0", "config-invalid"),
    (
        "models:\n  a:\n    litellm_params: {model: x/y}\n    model_info: x\n",
        4,
        "models.a.model_info",
        "config-invalid",
    ),
    ("models:\n  a: {litellm_params: {model: x/y}}\n  a: null\n", 3, "models.a", "yaml-invalid"),
    (
        "models:\n  a:\n    litellm_params:\n      model: x/y\n      api_key: sk-planted-0123456789\n",
        5,
        "models.a.litellm_params.api_key",
        "key-in-config",
    ),
    (
        "models:\n  a:\n    litellm_params:\n      model: x/y\n      api_key: ${OPENAI_API_KEY}\n",
        5,
        "models.a.litellm_params.api_key",
        "key-in-config",
    ),
    ("general_settings:\n  x: 1\n  master_key: sk-1\n", 3, "general_settings.master_key", "config-invalid"),
    ("router_settings:\n  redis_password: planted-0123456789\n", 2, "router_settings.redis_password", "key-in-config"),
    ("litellm_settings: []\n", 1, "litellm_settings", "config-invalid"),
]


@pytest.mark.parametrize(("text", "line", "key", "code"), BAD_MODELS)
def test_what_cannot_be_used_in_models_names_file_line_and_key(
    paths: Paths, write: Write, text: str, line: int, key: str, code: str
) -> None:
    path = write("models.yaml", text)
    with pytest.raises(ConfigError) as raised:
        load_catalogue(paths)
    assert raised.value.facts == {"file": str(path), "line": line, "key": key}
    assert raised.value.message.startswith(f"{path}:{line}: ")
    assert key in raised.value.message
    assert raised.value.code == code
    assert "planted" not in str(raised.value.as_json())


BAD_MODELS += [
    (f"models:\n  a:\n    litellm_params: {{model: x/y}}\n    compat: {value}\n", 4, key, code)
    for value, key, code in (
        ("true", "models.a.compat", "config-invalid"),
        ("{drp: []}", "models.a.compat.drp", "unknown-key"),
        ("{drop: [1]}", "models.a.compat.drop.0", "config-invalid"),
        ("{like: 1}", "models.a.compat.like", "config-invalid"),
    )
]

BAD_PROFILES = [
    ("profile: {}\n", 1, "profile", "unknown-key"),
    ("profiles: x\n", 1, "profiles", "config-invalid"),
    ("profiles:\n  a b: {opus: demo-opus}\n", 2, "profiles.a b", "config-invalid"),
    ("profiles:\n  a: {}\n", 2, "profiles.a", "config-invalid"),
    ("profiles:\n  a: demo-opus\n", 2, "profiles.a", "config-invalid"),
    ("profiles:\n  a:\n    opsu: demo-opus\n", 3, "profiles.a.opsu", "unknown-key"),
    ("profiles:\n  a:\n    sonnet: demo-opus\n    opus: no\n", 4, "profiles.a.opus", "config-invalid"),
    ("profiles:\n  a:\n    sonnet: demo-opus\n    opus: demo-opsu\n", 4, "profiles.a.opus", "unknown-model"),
    ("profiles:\n  a:\n    opus: demo-opus\n    subagent: x\n", 4, "profiles.a.subagent", "unknown-model"),
    ("profiles:\n  a:\n    opus: demo-opus\n    default: x\n", 4, "profiles.a.default", "unknown-model"),
    ("profiles:\n  a:\n    opus: demo-opus\n    models:\n    - x\n", 5, "profiles.a.models.0", "unknown-model"),
    ("profiles:\n  a:\n    opus: demo-opus\n    env: {X-Y: 1}\n", 4, "profiles.a.env.X-Y", "config-invalid"),
    ("profiles:\n  a:\n    opus: demo-opus\n    env: {X: [1]}\n", 4, "profiles.a.env.X", "config-invalid"),
    ("profiles:\n  a:\n    extends: demmo\n", 3, "profiles.a.extends", "unknown-profile"),
    ("profiles:\n  a:\n    extends: a\n", 3, "profiles.a.extends", "profile-cycle"),
    (
        "profiles:\n  a: {extends: b}\n  b: {extends: c}\n  c:\n    extends: a\n",
        5,
        "profiles.c.extends",
        "profile-cycle",
    ),
    ("profiles:\n  a: {opus: demo-opus}\n  a: null\n", 3, "profiles.a", "yaml-invalid"),
    ("profiles:\n  a: {extends: b}\n  b: null\n", 2, "profiles.a.extends", "unknown-profile"),
]


@pytest.mark.parametrize(("text", "line", "key", "code"), BAD_PROFILES)
def test_what_cannot_be_used_in_profiles_names_file_line_and_key(
    paths: Paths, write: Write, text: str, line: int, key: str, code: str
) -> None:
    path = write("profiles.yaml", text)
    with pytest.raises(ConfigError) as raised:
        load_catalogue(paths)
    assert raised.value.facts == {"file": str(path), "line": line, "key": key}
    assert raised.value.message.startswith(f"{path}:{line}: {key}: ") or key in raised.value.message
    assert raised.value.code == code


def test_a_disabled_model_in_a_profile_of_the_users_is_named(paths: Paths, write: Write) -> None:
    write("models.yaml", "models: {demo-opus: null}\n")
    write("profiles.yaml", "profiles:\n  a:\n    opus: demo-opus\n")
    with pytest.raises(ConfigError, match=r"profiles\.yaml:3: profiles\.a\.opus: there is no model 'demo-opus'"):
        load_catalogue(paths)


def test_a_placeholder_for_a_server_without_keys_is_no_key(paths: Paths, write: Write) -> None:
    write("models.yaml", "models:\n  a: {litellm_params: {model: openai/x, api_key: none, max_tokens: 5}}\n")
    assert load_catalogue(paths).model("a").params["api_key"] == "none"


def test_a_variable_in_the_models_id_is_never_optional(paths: Paths, write: Write) -> None:
    write("models.yaml", "models:\n  a: {litellm_params: {model: 'x/${MY_MODEL}'}, uses: [MY_MODEL]}\n")
    assert load_catalogue(paths).model("a").missing(set[str]().__contains__) == ("MY_MODEL",)

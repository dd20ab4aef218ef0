from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.config.catalogue import load_catalogue
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from run_claude.config.paths import Paths

    Write = Callable[[str, str], Path]

MODELS = """\
model_list:
  - model_name: "zai/opus[1m]"
    litellm_params:
      model: anthropic/glm-5.1
      api_key: os.environ/ZAI_SUB_KEY
      additional_drop_params: ["thinking"]
    allowed_fails: 10
  - model_name: fast
    litellm_params: {model: groq/x, api_key: os.environ/GROQ_API_KEY}
"""

PROFILES = """\
zai-pro:
  name: "Zai Subscription"
  opus_model: "zai/opus[1m]"
  sonnet_model: "not/there"
  haiku_model: fast
  extended: ["fast", "not/there"]
gone:
  opus_model: "not/there"
gemini:
  model: null
openai:
  meta: {opus_model: fast}
"""


def test_files_of_before_are_read_as_far_as_they_go(paths: Paths, write: Write) -> None:
    write("models.yaml", MODELS)
    path = write("profiles.yaml", PROFILES)
    catalogue = load_catalogue(paths)
    assert catalogue.model("zai/opus[1m]").needs == (("ZAI_SUB_KEY",),)
    profile = catalogue.profile("zai-pro")
    assert (profile.role("opus"), profile.role("sonnet"), profile.role("haiku")) == (
        "zai/opus[1m]",
        "zai/opus[1m]",
        "fast",
    )
    assert profile.models == ("fast",)
    assert profile.description == "Zai Subscription"
    assert profile.source == f"{path}:1"
    assert "gone" not in catalogue.profiles
    assert catalogue.profile("gemini").source == "built-in"
    assert catalogue.profile("openai").role("haiku") == "fast"


def test_the_overrides_of_before_go_over_the_profiles(paths: Paths, write: Write) -> None:
    write("profiles.yaml", "mine: {opus_model: demo-opus}\n")
    write("user.profiles.yaml", "mine: {opus_model: demo-haiku}\n")
    assert load_catalogue(paths).profile("mine").opus == "demo-haiku"


@pytest.mark.parametrize(
    ("text", "line", "key", "code"),
    [
        ("model_list: x\n", 1, "model_list", "config-invalid"),
        ("model_list:\n- x\n", 2, "model_list.0", "config-invalid"),
        ("model_list:\n- {litellm_params: {model: x/y}}\n", 2, "model_list.0", "config-invalid"),
        ("model_list:\n- model_name: a\n  lite: 1\n", 3, "model_list.0.lite", "unknown-key"),
        (
            "model_list:\n- {model_name: a, litellm_params: {model: x/y}}\nmodels:\n  a: null\n",
            4,
            "models.a",
            "duplicate-name",
        ),
    ],
)
def test_what_cannot_be_used_in_a_list_names_file_line_and_key(
    paths: Paths, write: Write, text: str, line: int, key: str, code: str
) -> None:
    path = write("models.yaml", text)
    with pytest.raises(ConfigError) as raised:
        load_catalogue(paths)
    assert raised.value.facts == {"file": str(path), "line": line, "key": key}
    assert raised.value.code == code


def test_a_misspelt_file_of_today_is_not_taken_for_one_of_before(paths: Paths, write: Write) -> None:
    write("profiles.yaml", "profile:\n  a: {opus: demo-opus}\n")
    with pytest.raises(ConfigError, match="unknown key"):
        load_catalogue(paths)


def test_what_todays_files_of_earlier_releases_have_is_read_or_said(paths: Paths, write: Write) -> None:
    path = write(
        "profiles.yaml",
        "whole: {name: Whole, opus_model: demo-opus, fable_model: demo-sonnet, colour: red}\n"
        "more: {name: More, extended: [demo-haiku, demo-sonnet, gone]}\n"
        "nested: {meta: {name: Nested, sonnet_model: demo-sonnet, extended: [demo-haiku]}}\n"
        "none: {opus_model: gone}\n",
    )
    catalogue = load_catalogue(paths)
    assert catalogue.profile("whole").fable == "demo-sonnet"
    assert catalogue.profile("more").role("opus") == "demo-haiku"
    assert catalogue.profile("more").models == ("demo-haiku", "demo-sonnet")
    assert catalogue.profile("nested").models == ("demo-haiku",)
    assert "none" not in catalogue.profiles
    assert catalogue.notes == (
        f"{path}:1: colour is not used.",
        f"{path}:2: more.extended.2: not used: there is no model 'gone'.",
        f"{path}:2: more: names no opus, sonnet or haiku model: demo-haiku serves them.",
        f"{path}:4: none.opus_model: not used: there is no model 'gone'.",
        f"{path}:4: none: not used: it names no model that exists.",
    )


def test_an_override_of_only_a_name_is_said_not_to_be_used(paths: Paths, write: Write) -> None:
    path = write("user.profiles.yaml", "mine:\n  name: Only a name\n")
    catalogue = load_catalogue(paths)
    assert "mine" not in catalogue.profiles
    assert catalogue.notes == (f"{path}:1: mine: not used: it names no model that exists.",)


def test_limits_beside_the_parameters_are_where_litellm_reads_them(paths: Paths, write: Write) -> None:
    write("models.yaml", MODELS)
    assert load_catalogue(paths).model("zai/opus[1m]").params["allowed_fails"] == 10

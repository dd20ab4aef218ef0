from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.config.catalogue import load_catalogue
from run_claude.deploy.litellm_config import render_litellm_config
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from run_claude.config.paths import Paths


def write(paths: Paths, models: str, profiles: str) -> None:
    paths.config.mkdir(parents=True, exist_ok=True)
    paths.models_file.write_text(models)
    paths.profiles_file.write_text(profiles)


def test_the_plan_needs_no_key(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    profile = catalogue.profile("claude-plan")
    assert profile.role("opus") == "plan-claude-opus-5-5"
    assert not catalogue.missing(profile, {}.__contains__)
    rows = {row["model_name"]: row for row in render_litellm_config(catalogue, {}).document["model_list"]}
    params = rows["plan-claude-opus-5-5"]["litellm_params"]
    assert params == {"model": "anthropic/claude-opus-5-5", "cooldown_time": 0}
    assert rows["plan-claude-opus-5-5"]["model_info"]["run_claude"]["subscription"] is True


def test_other_tiers_go_elsewhere_and_only_anthropics_own_models_use_the_login(paths: Paths) -> None:
    write(
        paths,
        """
model_list:
  - model_name: theirs
    litellm_params: {model: anthropic/glm-4.6, api_base: https://third.example, api_key: os.environ/THIRD_KEY}
""",
        """
profiles:
  mixed: {opus: claude-opus-5-5, sonnet: groq-gpt-oss-120b, haiku: theirs, fable: claude-fable-5-1, default: opus,
          models: [claude-haiku-5-5], fallbacks: [theirs, claude-sonnet-5-5], subscription: true,
          routes: {think: claude-opus-5-5, background: theirs, long_context: {over: 9, model: claude-opus-5-5}}}
  more: {extends: mixed}
  keyed: {extends: mixed, subscription: false}
""",
    )
    catalogue = load_catalogue(paths)
    for name in ("mixed", "more"):
        profile = catalogue.profile(name)
        assert (profile.opus, profile.sonnet, profile.haiku) == ("plan-claude-opus-5-5", "groq-gpt-oss-120b", "theirs")
        assert profile.fable == "plan-claude-fable-5-1"
        assert profile.default == "opus"
        assert profile.models == ("plan-claude-haiku-5-5",)
        assert profile.fallbacks == ("theirs", "plan-claude-sonnet-5-5")
        assert set(profile.routes.models.values()) == {"plan-claude-opus-5-5", "theirs"}
        assert profile.routes.over == 9
    assert catalogue.profile("keyed").opus == "claude-opus-5-5"
    assert "plan-theirs" not in catalogue.models


def test_a_wildcard_serves_no_twin(paths: Paths) -> None:
    models = """
model_list:
  - model_name: "*"
    litellm_params: {model: "hosted_vllm/*", api_base: "https://third.example"}
"""
    write(paths, models, "")
    catalogue = load_catalogue(paths)
    assert catalogue.models["plan-claude-opus-5-5"].id == "anthropic/claude-opus-5-5"
    assert catalogue.models["anything"].id == "hosted_vllm/anything"


def test_a_credential_may_have_an_address_and_gets_no_login(paths: Paths) -> None:
    models = """
credential_list:
  - credential_name: gateway
    credential_values: {api_key: os.environ/GATEWAY_KEY, api_base: "https://gateway.example"}
model_list:
  - model_name: theirs
    litellm_params: {model: anthropic/claude-opus-5-5, litellm_credential_name: gateway}
"""
    write(paths, models, "profiles:\n  mine: {opus: theirs, subscription: true}\n")
    assert load_catalogue(paths).profile("mine").opus == "theirs"


def test_a_subscription_is_true_or_false(paths: Paths) -> None:
    write(paths, "", "profiles: {p: {extends: demo, subscription: 'yes please'}}")
    with pytest.raises(ConfigError, match="subscription"):
        load_catalogue(paths)

"""The login of a subscription: which deployment gets it, and that nothing else of a request has it."""

from __future__ import annotations

from typing import Any

import pytest

from callbacks.subscription import NoLogin, settle

LOGIN = "sk-ant-oat01-planted"
OWN = {"run_claude": {"subscription": True}}
BETAS = {"custom_llm_provider": "anthropic,bedrock", "extra_headers": {"anthropic-beta": "x"}}
SCOPED = {"custom_llm_provider": "anthropic", "extra_headers": {"authorization": f"Bearer {LOGIN}"}}


def request(**more: Any) -> dict[str, Any]:
    """Return a request as LiteLLM hands it to a deployment, with the login wherever LiteLLM puts it."""
    return {
        "model": "claude-opus-5-5",
        "custom_llm_provider": "anthropic",
        "messages": [],
        "secret_fields": {"raw_headers": {"Authorization": f"Bearer {LOGIN}", "x-app": "cli"}},
        "provider_specific_header": [BETAS, SCOPED],
        "headers": {"authorization": f"bearer {LOGIN}", "x-app": "cli"},
        "extra_headers": {"Authorization": f"Bearer {LOGIN}"},
        **more,
    }


def test_anthropics_own_deployment_gets_it_as_its_key_and_in_nothing_else() -> None:
    settled = settle(request(model_info=OWN), {})
    assert settled.pop("api_key") == LOGIN
    assert LOGIN not in str(settled)
    assert settled["provider_specific_header"] == BETAS
    assert settled["headers"] == {"x-app": "cli"}


@pytest.mark.parametrize(
    "deployment",
    [
        {"api_base": "https://third.example", "api_key": "third"},
        {"api_key": "sk-ant-api03-own"},
        {"custom_llm_provider": "hosted_vllm", "model": "m", "api_base": "http://vllm"},
        {"custom_llm_provider": "bedrock", "model": "anthropic.claude"},
        {"model_info": {"run_claude": {"subscription": False}}},
        {"model_info": {"run_claude": {"compat": False}}},
    ],
)
def test_no_other_deployment_sees_it(deployment: dict[str, Any]) -> None:
    before = request(**deployment)
    settled = settle(before, {})
    assert LOGIN not in repr({**settled, "secret_fields": dict(settled["secret_fields"])})
    assert settled.get("api_key") == deployment.get("api_key")
    assert settled["messages"] == before["messages"]


def test_a_login_that_an_earlier_deployment_got_is_none_of_the_next_ones() -> None:
    assert settle(request(api_key=LOGIN, api_base="https://third.example"), {})["api_key"] is None


def test_asked_twice_it_stays() -> None:
    once = settle(request(model_info=OWN), {})
    assert settle(once, {}) == once


@pytest.mark.parametrize(
    ("elsewhere", "environ"),
    [
        ({"api_base": "https://third.example"}, {}),
        ({"base_url": "http://api.anthropic.com"}, {}),
        ({"api_base": "https://api.anthropic.com.third.example"}, {}),
        ({"api_base": "https://api.anthropic.com@third.example"}, {}),
        ({"api_base": "https://api.anthropic.com:8443"}, {}),
        ({"custom_llm_provider": "deepseek"}, {}),
        ({"litellm_credential_name": "gateway"}, {}),  # it may hold an address, which comes later
        ({}, {"ANTHROPIC_BASE_URL": "https://third.example"}),
        ({}, {"ANTHROPIC_API_BASE": "https://third.example"}),
    ],
)
def test_a_model_of_the_subscription_with_another_address_is_refused(
    elsewhere: dict[str, Any], environ: dict[str, str]
) -> None:
    with pytest.raises(NoLogin, match="address"):
        settle(request(model_info=OWN, **elsewhere), environ)


def test_without_a_login_no_key_is_used_in_its_place() -> None:
    bare = {"model": "claude-opus-5-5", "custom_llm_provider": "anthropic", "model_info": OWN}
    with pytest.raises(NoLogin, match="claude auth login"):
        settle({**bare, "api_key": "sk-ant-api03-own"}, {})


def test_a_request_without_a_login_is_as_it_was() -> None:
    plain = {"model": "m", "custom_llm_provider": "openai", "api_key": "k", "headers": {"a": "b"}}
    assert settle(plain, {}) == plain

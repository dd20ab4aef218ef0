"""What a client's request may not say, as a table, without LiteLLM."""

from __future__ import annotations

from typing import Any

import pytest

from callbacks.client_requests import is_limited, refused

OWN = frozenset({"model", "custom_llm_provider", "aws_region_name", "api_base", "metadata", "timeout", "fallbacks"})


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({}, ""),
        ({"timeout": 5, "metadata": {"user_id": "me"}, "top_k": 3, "fallbacks": ["other"]}, ""),
        ({"custom_llm_provider": "openai"}, "custom_llm_provider"),
        ({"extra_headers": {"host": "evil.example"}}, "extra_headers"),
        ({"litellm_params": {}}, "litellm_params"),
        ({"extra_body": {"top_k": 3}}, ""),
        ({"extra_body": {"extra_body": {"aws_region_name": "evil.example/#"}}}, "aws_region_name"),
        ({"fallbacks": [{"model": "other", "messages": []}]}, ""),
        ({"fallbacks": ["other", {"model": "other", "api_base": "http://192.0.2.1"}]}, "fallbacks"),
        ({"fallbacks": [{"opus": [{"model": "other", "custom_llm_provider": "gigachat"}]}]}, "fallbacks"),
        ({"router_settings_override": {"fallbacks": []}}, "router_settings_override"),
        ({"context_window_fallbacks": [{"opus": ["other"]}]}, "context_window_fallbacks"),
        ({"extra_body": {"content_policy_fallbacks": []}}, "content_policy_fallbacks"),
        ({"gigachat_auth_url": "https://evil.example"}, "gigachat_auth_url"),
        ({"url": "https://evil.example"}, "url"),
        ({"wx_credentials": {}}, "wx_credentials"),
        ({"oci_region": "evil.example/#"}, "oci_region"),
        ({"azure_endpoint": "https://evil.example"}, "azure_endpoint"),
        ({"zen_api_key": "x", "token": "y"}, "zen_api_key"),
        ({"extra_body": "no mapping", "fallbacks": "no list"}, ""),
    ],
    ids=str,
)
def test_a_client_says_nothing_of_where_its_request_goes(more: dict[str, Any], name: str) -> None:
    assert refused({"model": "opus", "messages": [], **more}, OWN) == name


def test_what_clients_send_today_goes_through() -> None:
    sent = {
        *(
            "max_tokens",
            "max_completion_tokens",
            "max_output_tokens",
            "stop_sequences",
            "system",
            "tools",
            "tool_choice",
        ),
        *("thinking", "output_config", "context_management", "speed", "betas", "container", "mcp_servers", "stream"),
        *("temperature", "top_p", "top_k", "logit_bias", "response_format", "reasoning", "reasoning_effort", "include"),
        *("instructions", "input", "previous_response_id", "prompt_cache_key", "safety_identifier", "service_tier"),
        *(
            "store",
            "truncation",
            "text",
            "parallel_tool_calls",
            "user",
            "seed",
            "n",
            "modalities",
            "audio",
            "prediction",
        ),
        *(
            "web_search_options",
            "chat_template_kwargs",
            "min_p",
            "provider",
            "inference_geo",
            "stream_options",
            "plugins",
        ),
    }
    sent |= {"timings_per_token", "image_url", "video_url", "user_location"}
    assert refused(dict.fromkeys(sent), OWN) == ""


def test_what_litellm_adds_by_itself_is_not_the_clients() -> None:
    added = {"litellm_call_id", "client_side_timeout", "api_version"}
    assert refused(dict.fromkeys(added), OWN | added) == ""


@pytest.mark.parametrize(("speaker", "limited"), [("client", True), ("other", True), ("admin", False), (None, False)])
def test_who_is_limited_is_the_guards_to_say(speaker: str | None, *, limited: bool) -> None:
    assert is_limited({"x-run-claude-speaker": speaker} if speaker else {}) is limited

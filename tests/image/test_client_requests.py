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
        ({"fallbacks": ["other", {"model": "other", "api_base": "http://192.0.2.1"}]}, "api_base"),
        ({"extra_body": "no mapping", "fallbacks": "no list"}, ""),
    ],
    ids=str,
)
def test_a_client_says_nothing_of_where_its_request_goes(more: dict[str, Any], name: str) -> None:
    assert refused({"model": "opus", "messages": [], **more}, OWN) == name


@pytest.mark.parametrize(("speaker", "limited"), [("client", True), ("other", True), ("admin", False), (None, False)])
def test_who_is_limited_is_the_guards_to_say(speaker: str | None, *, limited: bool) -> None:
    assert is_limited({"x-run-claude-speaker": speaker} if speaker else {}) is limited

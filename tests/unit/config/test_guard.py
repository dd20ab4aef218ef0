"""A key is refused wherever it stands, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from run_claude.config.guard import keys_inside

LONG = "0123456789abcdef0123456789abcdef"  # 32 characters


@pytest.mark.parametrize(
    "value",
    [
        {"api_key": LONG},
        {"api_key": f"sk-proj-{LONG}"},
        {"api_key": "planted-0123456789"},
        {"api_key": "${MY_KEY}"},
        {"extra_headers": {"Authorization": f"Bearer {LONG}"}},
        {"extra_headers": {"Authorization": "Bearer ${TOKEN}"}},
        {"default_headers": {"X-Api-Key": LONG}},
        {"headers": {"Ocp-Apim-Subscription-Key": LONG}},
        {"headers": {"Cookie": LONG}},
        {"anything": f"sk-ant-api03-{LONG}"},
        {"list": ["plain", {"deep": f"gsk_{LONG}"}]},
        {"description": f"my key is AIza{LONG}"},
        {"aws_access_key_id": "AKIA0123456789ABCDEF"},
        {"aws_secret_access_key": "wJ0rXUtnFEMI/K7MDENG/bPxRfiCY0123456789A"},
        {"vertex_credentials": '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nMII"}'},
        {"redis_password": "hunter2"},
        {"password": "correct horse battery"},
        {"redis_url": "redis://:hunter2@cache:6379/0"},
        {"api_base": f"https://gateway/v1?api_key={LONG}"},
        {"REDIS_PASSWORD": "planted-0123456789"},
        {"SENTRY_DSN": f"https://{LONG}:{LONG}@sentry.io/1"},
        {"azure_ad_token": f"eyJ{LONG}.eyJ{LONG}.{LONG}"},
        {"client_secret": "Ab1~Cd2.Ef3-Gh4_Ij5"},
    ],
)
def test_a_key_is_found_wherever_it_stands(value: dict[str, Any]) -> None:
    assert list(keys_inside(value))


@pytest.mark.parametrize(
    "value",
    [
        {"api_key": "os.environ/OPENAI_API_KEY"},
        {"api_key": "sk-no-key-required"},
        {"api_key": "none"},
        {"api_key": "sk-1234"},
        {"api_key": "lm-studio"},
        {"api_key": "not-needed-for-this-server"},
        {"api_key": "sk-xxxxxxxxxxxxxxxxxxxx"},
        {"api_key": "your-api-key-0123456789"},
        {"azure_ad_token": "oidc/google/https://example.com"},
        {"azure_ad_token": "oidc/azure/api://0123456789abcdef0123456789abcdef"},
        {"key_management_system": "google_secret_manager"},
        {"key_management_settings": {"store_virtual_keys": True, "prefix_for_stored_virtual_keys": "litellm-2026/"}},
        {"vertex_credentials": "/home/me/keys/service-account-0123456789.json"},
        {"vertex_credentials": "~/sa-0123456789abcdef.json"},
        {"vertex_credentials": "service_account_0123456789.json"},
        {"litellm_key_header_name": "X-LiteLLM-Key-0123456789"},
        {"max_tokens": "8192"},
        {"tokenizer": "Xenova/llama-3-tokenizer-0123456789"},
        {"model": "openai/gpt-oss-120b-0123456789abcdef"},
        {"extra_headers": {"anthropic-beta": "context-1m-2025-08-07,fine-grained-tool-streaming-2025-05-14"}},
        {"extra_headers": {"x-project-id": LONG}},
        {"public_key": "pk-lf-demo"},
        {"api_base": "https://user@gateway/v1?api-version=2026-01-01-preview"},
        {"redis_url": "redis://cache:6379/0"},
        {"password": "<your-redis-password>"},
        {"token_budget_fallback": "claude-haiku-5-5-20260101"},
        {"api_key": ""},
    ],
)
def test_nothing_else_is_taken_for_a_key(value: dict[str, Any]) -> None:
    assert not list(keys_inside(value))


def test_the_path_of_a_key_is_told() -> None:
    value = {"extra_headers": {"Authorization": f"Bearer {LONG}"}, "list": ["a", f"sk-{LONG}"]}
    assert list(keys_inside(value, ("litellm_params",))) == [
        ("litellm_params", "extra_headers", "Authorization"),
        ("litellm_params", "list", 1),
    ]

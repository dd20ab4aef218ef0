"""A report shows how a configuration is built, and none of the places where a key may stand."""

from __future__ import annotations

import json

from run_claude.doctor.masking import masked, without_queries

CONFIGURATION = {
    "model_list": [
        {
            "model_name": "mine",
            "litellm_params": {
                "model": "openai/gpt-5",
                "api_key": "planted-key-0",
                "api_base": "https://user:planted-pass-1@models.example:8443/v1?code=planted-query-2&v=3#planted-frag-3",
                "extra_headers": {"X-Anything": "planted-header-4", "X-Numbers": 12345678901},
                "default_headers": {"Authorization": ["planted-header-5"]},
                "vertex_credentials": '{"private_key": "planted-vertex-6"}',
                "aws_session_token": "planted-aws-7",
                "extra_body": {"deep": [{"er": "planted-body-8"}]},
                "rpm": 60,
                "stream": True,
                "azure_ad_token": "os.environ/AZURE_AD_TOKEN",
            },
            "model_info": {"mode": "chat", "base_model": "gpt-5"},
        }
    ],
    "environment_variables": {"PLAIN_NAME": "planted-variable-9"},
    "mcp_servers": {"files": {"url": "https://mcp.example/sse?key=planted-mcp-10", "env": {"A": "planted-mcp-11"}}},
    "litellm_settings": {"drop_params": True, "cache_params": {"host": "redis", "password": "planted-redis-12"}},
    "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
}


def test_nothing_that_may_be_a_key_is_left_and_the_rest_is() -> None:
    found: set[str] = set()
    shown = masked(CONFIGURATION, found)
    assert "planted" not in json.dumps(shown)
    assert "12345678901" not in json.dumps(shown)
    params = shown["model_list"][0]["litellm_params"]
    assert params["model"] == "openai/gpt-5"
    assert params["api_base"] == "https://[redacted]@models.example:8443/v1?[redacted]"
    assert params["extra_headers"] == {"X-Anything": "[redacted]", "X-Numbers": "[redacted]"}
    assert (params["rpm"], params["stream"], params["azure_ad_token"]) == (60, True, "os.environ/AZURE_AD_TOKEN")
    assert shown["general_settings"]["master_key"] == "os.environ/LITELLM_MASTER_KEY"
    assert shown["model_list"][0]["model_info"] == {"mode": "chat", "base_model": "gpt-5"}
    assert {"planted-header-4", "planted-query-2", "planted-pass-1", "planted-vertex-6"} <= {
        text for value in found for text in (value, *(["planted-vertex-6"] if "planted-vertex-6" in value else []))
    }, "a log may show them, too"


def test_an_address_in_a_log_loses_its_query() -> None:
    line = 'POST https://models.example/v1?code=planted&x=1 "HTTP/1.1 401", see https://a.example/b#planted.'
    shown = without_queries(line)
    assert "planted" not in shown
    assert "https://models.example/v1?[redacted]" in shown
    assert without_queries("is it so? see https://a.example/b") == "is it so? see https://a.example/b"

"""What reaches a provider, through the real LiteLLM: nothing of what it refuses, and all of the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from callbacks.provider_rules import rules_for

from .project import DEMO, Project, docker
from .upstream import ANSWER, Recorded, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

# What LiteLLM is told of a deployment; BASE stands for the provider's address.
AWS = {
    "aws_bedrock_runtime_endpoint": "BASE",
    "aws_access_key_id": "a",
    "aws_secret_access_key": "b",
    "aws_region_name": "us-east-1",
}
DEPLOYMENTS: dict[str, dict[str, Any]] = {
    "anthropic": {"model": "anthropic/claude-opus-4-5", "api_base": "BASE"},
    "azure": {"model": "azure/gpt-5.1", "api_base": "BASE", "api_version": "2025-04-01-preview"},
    "azure_ai": {"model": "azure_ai/claude-sonnet-4-5", "api_base": "BASE/anthropic"},
    "bedrock": {"model": "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", **AWS},
    "bedrock-nova": {"model": "bedrock/amazon.nova-pro-v1:0", **AWS},
    "cerebras": {"model": "cerebras/gpt-oss-120b", "api_base": "BASE/v1"},
    "compatible": {"model": "anthropic/glm-4.6", "api_base": "BASE/api/anthropic"},
    "deepseek": {"model": "deepseek/deepseek-chat", "api_base": "BASE/v1"},
    "fireworks_ai": {"model": "fireworks_ai/accounts/fireworks/models/glm-4p6", "api_base": "BASE/v1"},
    "gemini": {"model": "gemini/gemini-2.5-pro", "api_base": "BASE"},
    "groq": {"model": "groq/openai/gpt-oss-120b", "api_base": "BASE/openai/v1"},
    "groq-llama": {"model": "groq/llama-3.3-70b-versatile", "api_base": "BASE/openai/v1"},
    "hosted_vllm": {"model": "hosted_vllm/qwen3", "api_base": "BASE/v1"},
    "lm_studio": {"model": "lm_studio/qwen3", "api_base": "BASE/v1"},
    "minimax": {"model": "minimax/MiniMax-M2", "api_base": "BASE/v1"},
    "mistral": {"model": "mistral/mistral-large-latest", "api_base": "BASE/v1"},
    "moonshot": {"model": "moonshot/kimi-k2-0905-preview", "api_base": "BASE/v1"},
    "ollama_chat": {"model": "ollama_chat/qwen3", "api_base": "BASE"},
    "openai": {"model": "openai/gpt-5.1", "api_base": "BASE/v1"},
    "openrouter": {"model": "openrouter/anthropic/claude-sonnet-4.5", "api_base": "BASE/api/v1"},
    "openrouter-qwen": {"model": "openrouter/qwen/qwen3-coder", "api_base": "BASE/api/v1"},
    "together_ai": {"model": "together_ai/Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8", "api_base": "BASE/v1"},
    "vertex_ai": {
        "model": "vertex_ai/claude-sonnet-4-5@20250929",
        "api_base": "BASE/vertex",
        "vertex_project": "p",
        "vertex_location": "us-east5",
    },
    "xai": {"model": "xai/grok-code-fast-1", "api_base": "BASE/v1"},
    "zai": {"model": "zai/glm-4.6", "api_base": "BASE/v4"},
}
# Runs in the image: the credentials of a service account, which are a private key.
ACCOUNT = """
import json, sys
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(65537, 2048)
pem = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
account = {"type": "service_account", "project_id": "p", "private_key": pem, "client_email": "a@b"}
print(json.dumps(account | {"token_uri": sys.argv[1]}))
"""

# --- what Claude Code sends, and more -----------------------------------------------------------------------------

CACHE = {"cache_control": {"type": "ephemeral", "ttl": "1h", "scope": "global"}}
CALL = {"id": "toolu_1", "type": "function", "function": {"name": "Bash", "arguments": '{"command": "ls"}'}}
TOOL_FIELDS = {
    "strict": True,
    "input_examples": [{"command": "ls"}],
    "defer_loading": True,
    "allowed_callers": ["direct"],
}
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}, "additionalProperties": False}
THINKING = {"type": "thinking", "thinking": "planted thought", "signature": "c2ln"}
FIELDS = {"provider_specific_fields": {"planted": 1}}

MESSAGES = {
    "max_tokens": 4000,
    "system": [{"type": "text", "text": "You are Claude Code.", **CACHE}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "list files", **CACHE}]},
        {
            "role": "assistant",
            "content": [
                THINKING,
                {"type": "redacted_thinking", "data": "cGxhbnRlZA=="},
                {"type": "text", "text": "I will.", **FIELDS},
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": "Bash",
                    "input": {"command": "ls"},
                    "caller": {"type": "direct"},
                    **FIELDS,
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "a.txt", **CACHE}],
                },
                {"type": "text", "text": "go on", **CACHE},
            ],
        },
    ],
    "tools": [
        {
            "name": "Bash",
            "description": "run",
            "input_schema": SCHEMA,
            "eager_input_streaming": True,
            **CACHE,
            **TOOL_FIELDS,
        }
    ],
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "high"},
    "metadata": {"user_id": "user_1"},
    "speed": "fast",
}
CHAT = {
    "max_tokens": 4000,
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "You are a client.", **CACHE}]},
        {"role": "user", "content": "list files"},
        {
            "role": "assistant",
            "content": "I will.",
            "reasoning_content": "planted thought",
            "thinking_blocks": [THINKING],
            "tool_calls": [{**CALL, "function": {**CALL["function"], **FIELDS}, **FIELDS}],  # type: ignore[dict-item]
            **FIELDS,
        },
        {"role": "tool", "tool_call_id": "toolu_1", "content": "a.txt", **CACHE},
    ],
    "tools": [
        {"type": "function", "function": {"name": "Bash", "parameters": SCHEMA, "strict": True, **CACHE}, **CACHE}
    ],
    "reasoning_effort": "high",
    "speed": "fast",
}
BETAS = "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,effort-2025-11-24"


def reached(field: str, recorded: Recorded) -> bool:
    """Tell whether a field, by the name that the rules have for it, reached the provider."""
    if field == "thinking_blocks":
        return '"thinking_blocks"' in recorded.text or '"type": "thinking"' in recorded.text
    if field == "redacted_thinking":
        return '"redacted_thinking"' in recorded.text
    if field == "cache_control":
        return '"ephemeral"' in recorded.text
    return f'"{field.rpartition(".")[2]}"' in recorded.text


class Gateway(NamedTuple):
    project: Project
    upstream: Upstream

    def send(self, wire: str, model: str, *, stream: bool) -> Recorded:
        """Send everything to a model, and return what came out on the other side."""
        self.upstream.take()
        path, body = ("/v1/messages", MESSAGES) if wire == "messages" else ("/v1/chat/completions", CHAT)
        answer = self.project.post(path, {**body, "model": model, "stream": stream}, **{"anthropic-beta": BETAS})
        # What the callback asks Ollama about a model, before its first request, is not of the request.
        recorded = [request for request in self.upstream.take() if request.path != "/api/show"]
        assert answer.status_code == 200, answer.text
        assert all(word in answer.text for word in ANSWER.split()), answer.text
        assert len(recorded) == 1
        return recorded[0]


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, services: Path, image: str, bases: Mapping[str, str]
) -> Iterator[Gateway]:
    """LiteLLM with each deployment twice: as it is, and NAME-raw, for which nothing is adapted."""
    address = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    with Upstream(address) as upstream:
        base = f"http://host.docker.internal:{upstream.port}"
        account = docker("run", "--rm", "--entrypoint", "python", image, "-c", ACCOUNT, f"{base}/token")
        models = []
        for name, params in DEPLOYMENTS.items():
            params = {key: value.replace("BASE", base) for key, value in params.items()} | {"api_key": "k"}
            if name == "vertex_ai":
                params = params | {"vertex_credentials": account}
            raw = {"run_claude": {"compat": False}}
            models.append({"model_name": name, "litellm_params": params})
            models.append({"model_name": f"{name}-raw", "litellm_params": params, "model_info": raw})
        settings = {"drop": ["metadata", "tools.strict"], "keep": ["reasoning_content"], "like": "groq"}
        odd = {"model": "openai/own", "api_base": f"{base}/v1", "api_key": "k", "use_chat_completions_api": True}
        models.append({"model_name": "own", "litellm_params": odd, "model_info": {"run_claude": {"compat": settings}}})
        models.append(
            {"model_name": "broken", "litellm_params": odd, "model_info": {"run_claude": {"compat": {"drop": 5}}}}
        )
        folder = tmp_path_factory.mktemp("gateway")
        config = DEMO | {"model_list": models}
        project = Project(folder=folder, services=services, image=image, bases=bases, config=config)
        try:
            project.up("litellm")
            project.wait_for(project.litellm)
            yield Gateway(project, upstream)
        finally:
            project.remove()


def request_of(name: str) -> dict[str, Any]:
    params = DEPLOYMENTS[name]
    return {**params, "custom_llm_provider": params["model"].partition("/")[0]}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", ["messages", "chat"])
@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_nothing_that_a_provider_refuses_reaches_it(gateway: Gateway, name: str, wire: str, stream: bool) -> None:
    recorded = gateway.send(wire, name, stream=stream)
    rules = rules_for(request_of(name))
    assert [field for field in rules.drop if reached(field, recorded)] == []
    assert "Bash" in recorded.text, "the tools are still there"
    if rules.betas is not None:
        assert "anthropic-beta" not in recorded.headers


# What would reach these providers if nothing were adapted: were this empty, the test above would prove nothing.
LEAKS = [
    ("azure", "messages", "thinking_blocks"),
    ("bedrock", "messages", "cache_control.scope"),
    ("bedrock", "messages", "tools.strict"),
    ("cerebras", "messages", "reasoning_content"),
    ("cerebras", "chat", "provider_specific_fields"),
    ("compatible", "messages", "context_management"),
    ("compatible", "messages", "cache_control.ttl"),
    ("deepseek", "messages", "redacted_thinking"),
    ("groq", "messages", "tools.input_examples"),
    ("groq", "messages", "reasoning_content"),
    ("lm_studio", "messages", "tools.defer_loading"),
    ("minimax", "messages", "caller"),
    ("mistral", "chat", "provider_specific_fields"),
    ("ollama_chat", "messages", "speed"),
    ("openai", "chat", "cache_control"),
    ("openrouter", "messages", "cache_control.scope"),
    ("vertex_ai", "messages", "caller"),
    ("xai", "chat", "reasoning_effort"),
]


@pytest.mark.parametrize(("name", "wire", "field"), LEAKS)
def test_without_the_callback_it_would(gateway: Gateway, name: str, wire: str, field: str) -> None:
    assert field in rules_for(request_of(name)).drop
    assert reached(field, gateway.send(wire, f"{name}-raw", stream=False))


def test_anthropic_itself_gets_everything(gateway: Gateway) -> None:
    recorded = gateway.send("messages", "anthropic", stream=True)
    for field in ("cache_control.scope", "thinking_blocks", "redacted_thinking", "context_management", "tools.strict"):
        assert reached(field, recorded)
    assert set(BETAS.split(",")) <= set(recorded.headers["anthropic-beta"].split(","))


def test_thinking_comes_back_to_those_who_want_it(gateway: Gateway) -> None:
    for name in ("moonshot", "zai", "hosted_vllm"):
        assert reached("reasoning_content", gateway.send("messages", name, stream=False))
    assert reached("thinking_blocks", gateway.send("messages", "compatible", stream=False))


def test_a_model_of_the_users_is_adapted_as_its_settings_say(gateway: Gateway) -> None:
    recorded = gateway.send("chat", "own", stream=False)
    assert not reached("tools.strict", recorded)
    assert not reached("cache_control", recorded)
    assert reached("reasoning_content", recorded)


def test_settings_that_make_no_sense_break_no_request(gateway: Gateway) -> None:
    assert json.loads(gateway.send("chat", "broken", stream=False).text)["messages"]

"""A request in the form that its model takes: pure functions, without LiteLLM."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import pytest

from callbacks.abilities import Abilities, abilities_of, nearest
from callbacks.adaptation import adapt

TABLE: dict[str, Any] = {
    "groq/qwen/qwen3.8-27b": {"max_input_tokens": 131_072, "max_output_tokens": 16_384, "supports_reasoning": True},
    "groq/openai/gpt-oss-120b": {"max_input_tokens": 131_072, "max_output_tokens": 65_536, "supports_reasoning": True},
    "moonshot/kimi-k3": {"max_output_tokens": 1_048_576, "reasoning_effort_levels": ["low", "high", "max"]},
    "claude-opus-5-5": {"max_output_tokens": 128_000, "supports_vision": True, "supports_pdf_input": True},
    "azure/gpt-6.1-sol": {"supports_reasoning": True, "supports_xhigh_reasoning_effort": True},
}
USER = {"role": "user", "content": "hi"}
NOTE = {"role": "system", "content": "plan mode"}
CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "Read", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "x"}]}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aWNvbg=="}}


def sent(model: str, *messages: Any, **fields: Any) -> dict[str, Any]:
    return adapt({"model": model, "messages": list(messages) or [USER], **fields}, TABLE)


@pytest.mark.parametrize(
    ("asked", "takes", "given"),
    [
        ("high", ("low", "medium", "high"), "high"),
        ("max", ("low", "medium", "high"), "high"),
        ("xhigh", ("low", "high", "max"), "max"),
        ("medium", ("low", "high", "max"), "high"),
        ("minimal", ("low", "high"), "low"),
        ("high", ("none", "default"), "default"),
        ("none", ("none", "default"), "none"),
        ("none", ("low", "high"), None),
        ("high", (), None),
        ("unheard-of", ("low", "high"), "high"),
    ],
)
def test_an_effort_becomes_the_next_stronger_that_a_model_takes(
    asked: str, takes: tuple[str, ...], given: str | None
) -> None:
    assert nearest(asked, takes) == given


@pytest.mark.parametrize(
    ("provider", "model", "info", "efforts"),
    [
        ("groq", "qwen/qwen3.8-27b", {}, ("none", "default")),
        ("groq", "llama-3.3-70b", {}, ()),
        ("moonshot", "kimi-k3", {}, ("low", "high", "max")),
        ("azure", "my-deployment", {"base_model": "azure/gpt-6.1-sol"}, ("minimal", "low", "medium", "high", "xhigh")),
        ("acme", "unknown", {}, None),
        ("groq", "qwen/qwen3.8-27b", {"reasoning_effort_levels": ["low"]}, ("low",)),
    ],
)
def test_efforts_come_from_the_user_then_from_here_then_from_the_table(
    provider: str, model: str, info: dict[str, Any], efforts: tuple[str, ...] | None
) -> None:
    assert abilities_of(provider, model, info, TABLE).efforts == efforts


def test_of_a_model_that_nobody_knows_nothing_is_assumed() -> None:
    assert abilities_of("acme", "unknown", {}, TABLE) == Abilities()


def test_what_openrouter_serves_is_known_by_its_vendors_name() -> None:
    assert abilities_of("openrouter", "anthropic/claude-opus-5.5", {}, TABLE).output == 128_000


def test_max_tokens_is_at_most_what_the_model_answers_with() -> None:
    assert sent("groq/qwen/qwen3.8-27b", max_tokens=32_000)["max_tokens"] == 16_384
    assert sent("groq/qwen/qwen3.8-27b", max_tokens=100)["max_tokens"] == 100


def test_max_tokens_is_at_most_what_the_prompt_leaves_of_the_context() -> None:
    long = {"role": "user", "content": "word " * 80_000}
    assert 8_000 < sent("groq/openai/gpt-oss-120b", long, max_tokens=65_536)["max_tokens"] < 31_000


def test_a_local_server_of_unknown_size_fills_its_context_itself() -> None:
    assert "max_tokens" not in sent("hosted_vllm/m", max_tokens=32_000)
    assert sent("hosted_vllm/m", max_tokens=500)["max_tokens"] == 500


def test_ollama_gets_a_window_and_is_asked_to_think_only_if_it_can() -> None:
    request = {"model": "ollama_chat/m", "messages": [USER], "reasoning_effort": "high"}
    cannot = adapt(request, TABLE, learnt={"supports_reasoning": False, "max_input_tokens": 40_960})
    assert cannot["num_ctx"] == 40_960
    assert "reasoning_effort" not in cannot
    assert adapt(request, TABLE)["num_ctx"] == 65_536
    assert adapt({**request, "num_ctx": 8192}, TABLE)["num_ctx"] == 8192


def test_a_system_message_in_the_middle_is_the_users_and_stands_behind_results() -> None:
    settled = sent("anthropic/glm", USER, CALL, NOTE, RESULT, api_base="https://api.example")["messages"]
    assert [message["role"] for message in settled] == ["user", "assistant", "user", "user"]
    assert settled[2] == RESULT
    assert "plan mode" in settled[3]["content"][0]["text"]


def test_claude_gets_it_where_it_stands() -> None:
    assert sent("anthropic/claude-opus-5-5", USER, NOTE)["messages"] == [USER, NOTE]


def test_an_image_is_replaced_where_the_model_is_known_not_to_see() -> None:
    message = {"role": "user", "content": [IMAGE]}
    assert sent("groq/openai/gpt-oss-120b", message)["messages"][0]["content"][0]["type"] == "text"
    assert sent("acme/unknown", message)["messages"] == [message]
    told = sent("groq/openai/gpt-oss-120b", message, model_info={"supports_vision": True})
    assert told["messages"][0]["content"][0]["type"] == "image"


def test_thinking_without_a_seal_never_goes_to_claude() -> None:
    said = {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": ""}]}
    assert sent("anthropic/claude-opus-5-5", USER, said)["messages"] == [USER]


def test_mistral_gets_ids_of_nine_letters_the_same_for_a_call_and_its_result() -> None:
    call = {"role": "assistant", "tool_calls": [{"id": "toolu_1", "type": "function", "function": {"name": "f"}}]}
    called, answered = sent("mistral/m", call, {"role": "tool", "tool_call_id": "toolu_1", "content": "x"})["messages"]
    id = called["tool_calls"][0]["id"]
    assert id == answered["tool_call_id"]
    assert len(id) == 9
    assert id.isalnum()


def test_a_server_that_imitates_openai_gets_chat_completions() -> None:
    def chat(**fields: Any) -> Any:
        request = {"model": "openai/m", "messages": [USER], **fields}
        return adapt(request, TABLE, messages_api=True).get("use_chat_completions_api")

    assert chat(api_base="http://127.0.0.1:8080/v1") is True
    assert chat() is None
    assert chat(api_base="https://api.openai.com/v1") is None
    assert chat(api_base="http://x/v1", model_info={"supported_endpoints": ["/v1/responses"]}) is None


def test_a_forced_tool_that_the_provider_has_not_is_not_forced() -> None:
    own = {"name": "Read", "input_schema": {"type": "object", "properties": {}}}
    hosted = {"type": "code_execution_20250825", "name": "code_execution"}
    adapted = sent("groq/x", tools=[own, hosted], tool_choice={"type": "tool", "name": "code_execution"})
    assert (adapted["tools"], adapted.get("tool_choice")) == ([own], None)


def test_compat_off_changes_nothing() -> None:
    info = {"run_claude": {"compat": False}}
    request = {
        "model": "groq/qwen/qwen3.8-27b",
        "messages": [NOTE, USER, NOTE],
        "max_tokens": 32_000,
        "model_info": info,
    }
    assert adapt(request, TABLE) == request


def test_a_request_of_200_kb_costs_next_to_nothing() -> None:
    """In processor time, so that what else runs here does not count."""
    turn = [CALL, {**RESULT, "content": [{**RESULT["content"][0], "content": "word " * 400}]}]  # type: ignore[dict-item]
    request = {
        "model": "groq/openai/gpt-oss-120b",
        "messages": [USER, *turn * 100],
        "max_tokens": 64_000,
        "tools": [{"name": "Read", "input_schema": {"type": "object", "properties": {}}}] * 24,
    }
    spent = []
    for _ in range(30):
        began = time.process_time()
        adapt(request, TABLE)
        spent.append(time.process_time() - began)
    assert median(spent) < 0.02, "0.7 ms where it was written: this is for what grows with the square"

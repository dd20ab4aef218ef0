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


def ids(messages: list[Any]) -> list[tuple[str, str]]:
    """Return the ids of calls and of results, in order."""
    found = []
    for message in messages:
        for block in message["content"] if isinstance(message["content"], list) else []:
            if block["type"] in ("tool_use", "tool_result"):
                found.append((block.get("id", ""), block.get("tool_use_id", "")))
    return found


def turn(id: str) -> list[dict[str, Any]]:
    call = {"type": "tool_use", "id": id, "name": "Read", "input": {}}
    result = {"type": "tool_result", "tool_use_id": id, "content": "x"}
    return [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]


def test_calls_of_one_id_get_ids_of_their_own_and_their_results_the_same() -> None:
    one, two, three, four = ids(sent("anthropic/claude-opus-5-5", USER, *turn("call_0"), *turn("call_0"))["messages"])
    assert one == ("call_0", "")
    assert two == ("", "call_0")
    assert three[0] not in ("", "call_0")
    assert four == ("", three[0])


def test_of_parallel_calls_with_one_id_each_has_its_own_result() -> None:
    call, result = turn("call_0")
    calls = {**call, "content": call["content"] * 2}
    one, two, three, four = ids(sent("groq/x", USER, calls, {**result, "content": result["content"] * 2})["messages"])
    assert one[0] != two[0]
    assert (three[1], four[1]) == (one[0], two[0])


def test_an_id_that_a_provider_does_not_take_becomes_one_that_it_takes() -> None:
    for odd in ("x" * 70, "functions.Read:0", "call_1__thought__Eq4B+/="):
        (id, _), (_, answered) = ids(sent("openai/m", USER, *turn(odd))["messages"])
        assert id == answered
        assert 0 < len(id) <= 40
        assert id.replace("_", "").isalnum()
    sealed = "call_1__thought__Eq4B+/="
    assert ids(sent("gemini/m", USER, *turn(sealed))["messages"]) == [(sealed, ""), ("", sealed)]


@pytest.mark.parametrize("model", ["moonshot/kimi-k3", "together_ai/moonshotai/Kimi-K3", "hosted_vllm/kimi-k2"])
def test_kimi_gets_ids_of_its_own_form_back(model: str) -> None:
    """It was trained on them. A client of Anthropic's format has them as LiteLLM writes them there."""
    own = ("functions.Read:0", "functions.mcp-x.read:12")
    assert ids(sent(model, USER, *turn(own[0]), *turn(own[1]))["messages"]) == [
        (own[0], ""),
        ("", own[0]),
        (own[1], ""),
        ("", own[1]),
    ]
    assert ids(sent(model, USER, *turn("functions_Read_3"))["messages"]) == [
        ("functions.Read:3", ""),
        ("", "functions.Read:3"),
    ]
    assert ids(sent(model, USER, *turn("functions_Write_3"))["messages"])[0] == ("functions_Write_3", "")
    one, _, two, answered = ids(sent(model, USER, *turn(own[0]), *turn(own[0]))["messages"])
    assert one[0] == own[0]
    assert two[0] == answered[1] != own[0]
    assert "." not in ids(sent("groq/openai/gpt-oss-120b", USER, *turn(own[0]))["messages"])[0][0]


def test_what_anthropics_servers_found_goes_to_others_as_words() -> None:
    found = {"type": "web_search_result", "title": "Found it", "url": "https://example.com"}
    said = {
        "role": "assistant",
        "content": [
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [found]},
            {"type": "text", "text": "So."},
        ],
    }
    kept = sent("groq/x", USER, said, USER)["messages"][1]["content"]
    assert [block["type"] for block in kept] == ["text", "text"]
    assert "Found it\nhttps://example.com" in kept[0]["text"]
    assert sent("anthropic/claude-opus-5-5", USER, said, USER)["messages"][1] == said
    failed = {"type": "web_fetch_tool_result", "content": {"type": "error", "error_code": "unavailable"}}
    assert "unavailable" in str(sent("groq/x", USER, {"role": "assistant", "content": [failed]})["messages"])


def test_the_beginning_of_an_answer_is_marked_where_that_is_needed() -> None:
    begun = {"role": "assistant", "content": "The number is"}
    assert sent("mistral/m", USER, begun)["messages"][-1] == {**begun, "prefix": True}
    assert sent("bedrock/amazon.nova-pro-v1:0", USER, begun)["messages"][-1]["role"] == "user"
    assert sent("vllm/m", USER, begun)["messages"][-1] == begun


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

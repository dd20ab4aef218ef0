"""How large a request is, and what it asks for of tokens and tools, brought to what its model takes."""

from __future__ import annotations

from typing import Any

import pytest

from callbacks.adaptation import adapt
from callbacks.routing import tokens

from .test_requests import RESULT, TABLE, USER, sent
from .test_routing import ASKED, IMAGE, OUTPUT, PATCH, user
from .test_routing import SHOWN as PICTURE


def test_max_tokens_is_at_most_what_the_model_answers_with() -> None:
    assert sent("groq/qwen/qwen3.8-27b", max_tokens=32_000)["max_tokens"] == 16_384
    assert sent("groq/qwen/qwen3.8-27b", max_tokens=100)["max_tokens"] == 100


def test_max_tokens_is_at_most_what_the_prompt_leaves_of_the_context() -> None:
    long = {"role": "user", "content": "word " * 80_000}
    assert 8_000 < sent("groq/openai/gpt-oss-120b", long, max_tokens=65_536)["max_tokens"] < 31_000


DATA = "iVBORw0KGgo" * 120_000  # 1.3 MB
SOURCE = {"type": "base64", "media_type": "application/pdf", "data": DATA}
SHOWN = [
    {"type": "image", "source": {**SOURCE, "media_type": "image/png"}},
    {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "image", "source": SOURCE}]},
    {"type": "document", "source": SOURCE},
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}},
    {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{DATA}"}},
    {"type": "input_audio", "input_audio": {"data": DATA, "format": "mp3"}},
    {"type": "input_image", "image_url": f"data:image/png;base64,{DATA}"},
    {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{DATA}"},
]
SEES = {"supports_vision": True, "supports_pdf_input": True, "max_input_tokens": 200_000, "max_output_tokens": 64_000}
MILLION = "context-1m-2025-08-07"
THINKS = {"type": "enabled", "budget_tokens": 31_999}


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block["type"])
@pytest.mark.parametrize("model", ["bedrock/claude-sonnet-4-5", "groq/x", "openai/gpt-4o"])
def test_a_picture_or_a_document_is_not_measured_as_text(model: str, block: dict[str, Any]) -> None:
    message = {"role": "user", "content": [block]}
    got = sent(model, message, max_tokens=64_000, thinking=THINKS, model_info=SEES)
    assert got["max_tokens"] == 64_000
    assert got["thinking"] == THINKS
    responses = adapt({"model": model, "input": [message], "max_output_tokens": 64_000, "model_info": SEES}, TABLE)
    assert responses["max_output_tokens"] == 64_000


def test_thinking_is_taken_away_for_what_the_client_asks_and_for_no_estimate() -> None:
    info = {"max_input_tokens": 30_000, "max_output_tokens": 64_000}
    full = {"role": "user", "content": "word " * 80_000}
    got = sent("bedrock/claude-sonnet-4-5", full, max_tokens=32_000, thinking=THINKS, model_info=info)
    assert got["thinking"]["budget_tokens"] >= 1024, "fewer are refused"
    assert got["thinking"]["budget_tokens"] < got["max_tokens"]
    assert "thinking" not in sent("bedrock/claude-sonnet-4-5", max_tokens=1000, thinking=THINKS, model_info=info)


LONG = {"role": "user", "content": "word " * 150_000}


@pytest.mark.parametrize(
    "said",
    [
        {"anthropic_beta": [MILLION]},
        {"headers": {"Anthropic-Beta": f"x,{MILLION}"}},
        {"extra_headers": {"anthropic-beta": MILLION}},
        {"provider_specific_header": {"extra_headers": {"anthropic-beta": MILLION}}},
    ],
)
def test_a_window_of_a_million_that_a_beta_opens_is_not_the_tables(said: dict[str, Any]) -> None:
    def most(model: str, **fields: Any) -> Any:
        return sent(model, LONG, max_tokens=64_000, model_info=SEES, **fields)["max_tokens"]

    assert most("bedrock/claude-sonnet-4-5") == 1024
    assert most("bedrock/claude-sonnet-4-5", **said) == 64_000
    assert most("groq/x", **said) == 1024


def test_to_anthropic_itself_its_refusal_is_left() -> None:
    """Claude Code reads in it how much is left, and asks for that."""
    assert sent("anthropic/claude-sonnet-4-5", LONG, max_tokens=64_000, model_info=SEES)["max_tokens"] == 64_000


def test_where_an_answer_has_a_limit_of_its_own_the_prompt_is_not_subtracted() -> None:
    def most(model: str, window: int, **fields: Any) -> Any:
        info = {"max_input_tokens": window, "max_output_tokens": 128_000, "supports_reasoning": True}
        return sent(model, LONG, max_tokens=128_000, model_info=info, **fields)["max_tokens"]

    assert most("openai/gpt-5", 272_000) == 128_000
    assert most("openrouter/openai/gpt-5", 272_000) == 128_000
    assert most("azure/o3", 200_000) == 128_000
    assert most("gemini/gemini-4", 250_000) == 128_000
    assert most("groq/openai/gpt-oss-120b", 250_000) < 60_000
    assert most("openai/m", 250_000, api_base="http://127.0.0.1:8080/v1") < 60_000


def test_a_local_server_of_unknown_size_fills_its_context_itself() -> None:
    assert "max_tokens" not in sent("hosted_vllm/m", max_tokens=32_000)
    assert sent("hosted_vllm/m", max_tokens=500)["max_tokens"] == 500


def test_of_too_many_tools_those_that_were_called_stay_and_the_first() -> None:
    tools = [{"name": f"tool{n}", "input_schema": {"type": "object", "properties": {}}} for n in range(200)]
    called = {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "tool199", "input": {}}]}
    kept = [tool["name"] for tool in sent("groq/x", USER, called, RESULT, tools=tools)["tools"]]
    assert kept == [*(f"tool{n}" for n in range(127)), "tool199"]
    forced = sent("openai/gpt", USER, tools=tools, tool_choice={"type": "tool", "name": "tool150"})["tools"]
    assert forced[-1]["name"] == "tool150"
    assert len(sent("anthropic/claude-opus-5-5", USER, tools=tools)["tools"]) == 200
    assert len(sent("openai/m", USER, tools=tools, api_base="http://x/v1")["tools"]) == 200


def test_a_schema_says_that_it_is_an_object_and_of_what() -> None:
    empty = {"type": "object", "properties": {}}
    assert (
        sent("openai/x", tools=[{"name": "a", "input_schema": {"type": "object"}}])["tools"][0]["input_schema"] == empty
    )
    function = {"type": "function", "function": {"name": "a", "parameters": {}}}
    assert sent("openai/x", tools=[function])["tools"][0]["function"]["parameters"] == empty


@pytest.mark.parametrize("word", ["anyOf", "oneOf", "allOf"])
def test_a_schema_that_is_put_together_stays_as_it_is(word: str) -> None:
    tool = {"name": "a", "input_schema": {word: [{"type": "object", "properties": {"x": {"type": "string"}}}]}}
    assert sent("groq/x", tools=[tool])["tools"] == [tool]


def test_a_schema_that_refers_to_a_part_of_itself_is_that_part() -> None:
    part = {"type": "object", "properties": {"x": {"$ref": "#/$defs/B"}}, "required": ["x"]}
    parts = {"A": part, "B": {"type": "string"}}

    def settled(**schema: Any) -> Any:
        return sent("groq/x", tools=[{"name": "a", "input_schema": schema}])["tools"][0]["input_schema"]

    schema = {"$defs": parts, "description": "it"}
    assert settled(**{"$ref": "#/$defs/A"}, **schema) == {**part, **schema}
    for odd in ("#/$defs/C", "https://example.com/schema", "#", "#/description"):
        assert settled(**{"$ref": odd}, **schema) == {"$ref": odd, **schema}
    again = {"$defs": {"A": {"$ref": "#/$defs/A"}}, "$ref": "#/$defs/A"}
    assert settled(**again) == again


def test_tokens_are_counted_from_all_that_a_model_reads() -> None:
    assert tokens({"messages": [user({"type": "text", "text": "x" * 3500})]}) == 1000
    assert tokens({"system": [{"type": "text", "text": "x" * 3500}]}) == 1000
    assert tokens({"messages": [user({"type": "tool_result", "content": "x" * 3500})]}) == 1000
    assert tokens({"messages": [{"role": "user", "content": "ö" * 1750}]}) == 1000
    assert 900 < tokens({"tools": [{"name": "x", "description": "x" * 3400}]}) < 1100
    assert 900 < tokens({"messages": [user({"type": "tool_use", "input": {"text": "x" * 3400}})]}) < 1100

    calls = [{"id": "1", "function": {"name": "x", "arguments": "x" * 3400}}]
    assert 900 < tokens({"messages": [{"role": "assistant", "content": None, "tool_calls": calls}]}) < 1100
    assert tokens({"messages": [user({"type": "document", "source": {"type": "text", "data": "x" * 3500}})]}) == 1000
    parts = {"type": "content", "content": [{"type": "text", "text": "x" * 3500}]}
    assert tokens({"messages": [user({"type": "document", "source": parts})]}) == 1000
    assert tokens({"tools": [{"name": object(), "description": "x" * 3400}]}) > 900, "what is no JSON is no error"


def test_an_image_counts_as_tokens_not_as_bytes() -> None:
    assert tokens({"messages": [user(IMAGE)]}) == 1600


@pytest.mark.parametrize("kind", ["document", "file", "input_file"])
def test_a_page_of_a_pdf_counts_as_2000_tokens(kind: str) -> None:
    data = "a" * 90_000
    block = {"source": {"type": "base64", "data": data}, "file": {"file_data": data}, "file_data": data}
    assert tokens({"messages": [user({"type": kind, **block})]}) == 2000


def test_a_minute_of_sound_counts_as_some_thousand_tokens_at_most() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "a" * 320_000, "format": "mp3"}}
    assert tokens({"messages": [user(sound)]}) == 1600


def test_tokens_of_responses_are_counted_from_all_that_a_model_reads() -> None:
    assert tokens({"input": "x" * 3500}) == 1000
    assert tokens({"instructions": "x" * 3500, "input": []}) == 1000
    assert tokens({"input": [{**ASKED, "content": [{"type": "input_text", "text": "x" * 3500}]}]}) == 1000
    assert tokens({"input": [{**OUTPUT, "output": "x" * 3500}]}) == 1000
    assert tokens({"input": [PICTURE]}) == 1600
    assert tokens({"input": [{**PATCH, "input": "x" * 3500}]}) == 1000
    text = {"type": "input_file", "file_data": "data:text/plain;base64," + "x" * 4644}
    assert tokens({"input": [{**ASKED, "content": [text]}]}) == 1000

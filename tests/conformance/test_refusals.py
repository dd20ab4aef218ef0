"""What a provider refuses, as Claude Code understands it; and texts that nobody could encode."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from callbacks import halves, refusals
from tests.conformance.exchanges.errors import WORDS


@pytest.mark.parametrize("target", WORDS)
def test_a_full_window_is_told_in_claude_codes_words_and_the_providers(target: str) -> None:
    told = refusals.words(WORDS[target], 400)
    assert "prompt is too long" in told.lower()
    assert WORDS[target] in told


def test_both_numbers_are_told_where_the_provider_says_both() -> None:
    said = "This model's maximum context length is 65536 tokens. However, your request has 70000 input tokens."
    assert refusals.words(said, 400).startswith("prompt is too long: 70000 tokens > 65536 maximum. ")
    assert refusals.words("Input is too long for requested model.", 400).startswith("prompt is too long. ")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("planted: too many images", 400),
        ("Request too large for model on tokens per minute: Limit 6000, Requested 25000", 413),
        ("maximum context length", 429),
        ("Prompt is too long", 400),
    ],
)
def test_what_is_no_full_window_or_is_said_already_stays(message: str, code: int) -> None:
    assert refusals.words(message, code) == message


PYDANTIC = "[{'type': 'missing', 'loc': ('body', 'x'), 'msg': 'Field required', 'input': {'text': '%s'}}]"
WINDOW = "This model's maximum context length is 32768 tokens"


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported parameter: 'context_window'",
        "Invalid schema for function 'x': context_size is not permitted",
        "Tool name exceeds max length of 64",
        "too many images in prompt",
        PYDANTIC % "It exceeds the context window. This model's maximum context length is 5 tokens. However,",
        "litellm.ContextWindowExceededError: " + PYDANTIC % "this model's maximum context length is 5",
        "1 validation error for Request input_value='exceeds the context window', input_type=str",
        r"{\"detail\": [{\"input\": \"input is too long\"}]}",
        "litellm.ContextWindowExceededError: Invalid 'messages[3].tool_calls[0].id': string too long.",
    ],
)
def test_a_window_that_is_only_named_or_is_in_the_words_of_the_user_is_no_full_one(message: str) -> None:
    """Claude Code compacts where it is told of a full window: the conversation is lost."""
    assert refusals.words(message, 400) == message


def test_of_a_validator_that_repeats_the_words_themselves_its_own_are_told() -> None:
    told = refusals.words(PYDANTIC % "and then: prompt is too long", 400)
    assert "Field required" in told
    assert "prompt is too long" not in told


@pytest.mark.parametrize(
    "message",
    [
        f"{WINDOW} and your request has 5000 input tokens ('max_tokens' is too large: 32000)",
        f"litellm.ContextWindowExceededError: {WINDOW} and your request has 5000 input tokens (30000 > 32768 - 5000)",
        f"{WINDOW}. However, you requested 33000 tokens (1000 in the messages, 32000 in the completion).",
        f"{WINDOW}. However, you requested about 40000 tokens (20000 of text input, 20000 in the output).",
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 1000 `inputs` tokens and 4000 `max_new_tokens`",
        "input length and `max_tokens` exceed context limit: 180000 + 32000 > 200000",  # Claude Code asks for less then
        "max_tokens is too large: 32000. This model supports at most 16384 completion tokens",
        "`max_tokens` (100000) exceeds the maximum context length of 32768",
    ],
)
def test_where_only_max_tokens_is_too_large_the_prompt_is_not_too_long(message: str) -> None:
    assert refusals.words(message, 400) == message


@pytest.mark.parametrize(
    "message",
    [
        f"'max_tokens' is too large: 32000. {WINDOW} and your request has 40000 input tokens.",
        f"{WINDOW}. However, your prompt contains at least 31745 input tokens, and 1024 output tokens were requested.",
        "input length and `max_tokens` exceed context limit: 199500 + 1024 > 200000",
        f"{WINDOW}. However, you requested 40000 tokens (38000 in the messages, 2000 in the completion).",
        "litellm.BadRequestError: litellm.ContextWindowExceededError: in words that nobody knows",
        "prompt token count of 128000 exceeds the limit of 64000",
        "request (70000 tokens) exceeds the available context size (65536 tokens), try increasing it",
        "prompt too long; exceeded max context length by 4 tokens",
        "context window exceeds limit (2013)",
        '{"error": {"code": "context_length_exceeded", "message": "no"}}',
        "Range of input length should be [1, 129024]",
        "The prompt (length 5000) is longer than the maximum model length of 4096",
    ],
)
def test_a_prompt_that_leaves_no_room_for_an_answer_is_too_long(message: str) -> None:
    assert refusals.words(message, 400).startswith("prompt is too long")


def test_a_models_date_is_no_number_of_tokens() -> None:
    said = "claude-opus-4-20250514: input is too long, 200000 is the maximum"
    assert refusals.words(said, 400).startswith("prompt is too long. ")


def test_a_request_that_is_too_large_has_the_status_for_it() -> None:
    assert refusals.status('{"type": "request_too_large"}', 400) == 413
    assert refusals.status("AnthropicException - {'error': {'type': 'request_too_large'}}", 400) == 413
    assert refusals.status("Unknown type of error: request_too_large", 400) == 400
    assert refusals.status(PYDANTIC % '{"type": "request_too_large"}', 400) == 400
    assert refusals.status("request_too_large", 500) == 500
    assert refusals.status("invalid", 400) == 400


@pytest.mark.parametrize("place", ["litellm_response_headers", "response"])
def test_when_to_come_again_is_told(place: str) -> None:
    headers = {"retry-after": "7", "anthropic-ratelimit-unified-status": "rejected", "set-cookie": "x", "date": "y"}
    error = Exception()
    setattr(error, place, headers if place != "response" else SimpleNamespace(headers=headers))
    assert refusals.headers(error) == {"retry-after": "7", "anthropic-ratelimit-unified-status": "rejected"}
    assert refusals.headers(Exception()) == {}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (r'"a fox \ud83e"', "a fox \ufffd"),
        (r'"\udd8a cut"', "\ufffd cut"),
        (r'"\ud83e\ud83e\udd8a"', "\ufffd\U0001f98a"),
        (r'"\uD83E\uDD8A \u00e9"', "\U0001f98a é"),
        (r'"a path: C:\\ud83e"', "a path: C:\\ud83e"),
        (r'"\\\ud83e"', "\\\ufffd"),
    ],
)
def test_half_a_sign_is_replaced_and_nothing_else(sent: str, read: str) -> None:
    assert json.loads(halves.whole(sent)) == read


def strict(document: bytes | str) -> object:
    """Parse JSON as LiteLLM's parser does it: half a sign is an error."""
    found = json.loads(document)
    json.dumps(found, ensure_ascii=False).encode()
    return found


def test_only_what_the_parser_refuses_is_read_a_second_time() -> None:
    assert halves.loaded(b'{"a": "\\ud83e"}', strict) == {"a": "\ufffd"}
    assert halves.loaded(b'{"a": 1}', strict) == {"a": 1}
    for broken in (b"{", b'{"a": "\\u00"', b'"\xff"'):
        with pytest.raises(ValueError):
            halves.loaded(broken, strict)

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


def test_a_request_that_is_too_large_has_the_status_for_it() -> None:
    assert refusals.status('{"type": "request_too_large"}', 400) == 413
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

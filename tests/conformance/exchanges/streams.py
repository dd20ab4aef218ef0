"""Streams: why they stop, what they cost, and clients that go away."""

from __future__ import annotations

from typing import Any

from tests.conformance.exchange import Answer, Exchange, Text, Usage

from .request import BROWN, request

__all__ = ["EXCHANGES"]


def _stream(name: str, what: str, answer: Answer, **more: Any) -> Exchange:
    return Exchange(name, "streams", what, request(name, stream=more.pop("stream", True)), answer, **more)


_CACHED = Usage(input=50, output=7, cache_read=4000)
_WRITTEN = Usage(input=50, output=7, cache_read=4000, cache_write=300)

EXCHANGES = [
    _stream("text", "A text, word by word.", Answer()),
    _stream("text-in-characters", "A text in single characters.", Answer(pieces="characters")),
    _stream("text-together", "A text and the end in one chunk.", Answer(pieces="together")),
    _stream("text-long", "An answer of 1,000 words.", Answer((Text(BROWN * 111 + "."),))),
    _stream("text-whole", "An answer that is not streamed.", Answer(), stream=False),
    _stream("stop-max-tokens", "The answer was cut off by max_tokens.", Answer(stop="max_tokens")),
    _stream("stop-sequence", "The answer ended at a stop sequence.", Answer(stop="stop_sequence")),
    _stream("stop-sequence-whole", "The same, not streamed.", Answer(stop="stop_sequence"), stream=False),
    _stream("stop-refusal", "The model refused.", Answer(stop="refusal")),
    _stream("stop-refusal-whole", "It said nothing else, not streamed.", Answer((), stop="refusal"), stream=False),
    _stream("stop-max-tokens-whole", "Cut off by max_tokens, not streamed.", Answer(stop="max_tokens"), stream=False),
    _stream("answer-empty", "The model says nothing.", Answer(())),
    _stream("answer-empty-whole", "The same, not streamed.", Answer(()), stream=False),
    _stream(
        "stop-paused",
        "Claude paused in a long turn: the client goes on with it.",
        Answer(stop="pause_turn"),
        targets=lambda target: target.claude and target.wire != "chat",
    ),
    _stream(
        "stop-window",
        "The window is full: the client is told, where its provider says so.",
        Answer(stop="model_context_window_exceeded"),
        targets=lambda target: (target.claude and target.wire != "chat") or target.wire == "converse",
    ),
    _stream("usage-cached", "Tokens that came from a cache are not counted twice.", Answer(usage=_CACHED)),
    _stream("usage-cached-whole", "The same, not streamed.", Answer(usage=_CACHED), stream=False),
    _stream(
        "usage-cache-written",
        "Tokens that went into a cache.",
        Answer(usage=_WRITTEN),
        targets=lambda target: target.claude and target.wire != "chat",
    ),
    _stream(
        "client-leaves",
        "A client goes away in the middle: the provider is told, so that nobody pays for the rest.",
        Answer((Text(BROWN * 3),)),
        leaves_after=4,
    ),
]

"""Errors: before an answer, and in the middle of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conformance.exchange import Answer, Call, Exchange, Failure, Text

from .request import request

if TYPE_CHECKING:
    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]

_SOME = ("anthropic", "openai", "gemini", "bedrock", "groq", "compatible", "ollama", "vllm", "azure")


def _some(target: Target) -> bool:
    return target.name in _SOME


def _before(name: str, what: str, status: int, message: str, kind: str, *, given: int = 0) -> Exchange:
    failure = Failure(status, message, kind, retry_after="0" if status == 429 else "")
    return Exchange(name, "errors", what, request(name), Answer(failure=failure), status=given or status, targets=_some)


def _within(name: str, what: str, failure: Failure, *parts: Text | Call) -> Exchange:
    return Exchange(
        name,
        "errors",
        what,
        request(name),
        Answer(parts or (Text("One two three four five."),), failure=failure),
        targets=_some,
    )


EXCHANGES = [
    _before("error-400", "A refusal with its reason.", 400, "planted: too many images", "invalid_request_error"),
    _before("error-401", "A wrong key of the provider's.", 401, "planted: invalid key", "authentication_error"),
    _before("error-404", "A model that the provider has not.", 404, "planted: no such model", "not_found_error"),
    _before("error-429", "A rate limit.", 429, "planted: slow down", "rate_limit_error"),
    _before("error-500", "The provider broke.", 500, "planted: oh no", "api_error"),
    _before("error-529", "The provider is overloaded.", 503, "planted: overloaded", "api_error"),
    _within(
        "error-in-text",
        "An error in the middle of a text.",
        Failure(529, "planted: overloaded", "overloaded_error", after=3),
    ),
    _within(
        "error-in-call",
        "An error in the middle of a call.",
        Failure(529, "planted: overloaded", "overloaded_error", after=3),
        Text("I read it."),
        Call("Read", '{"file_path": "/a"}'),
    ),
    _within("dropped-in-text", "The connection breaks in the middle of a text.", Failure(0, "", "", after=3)),
]

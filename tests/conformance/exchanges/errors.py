"""Errors: before an answer, and in the middle of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Exchange, Failure, Text

from .request import request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]

_SOME = ("anthropic", "openai", "gemini", "bedrock", "groq", "compatible", "ollama", "vllm", "azure")


def _some(target: Target) -> bool:
    return target.name in _SOME


def _before(name: str, what: str, status: int, message: str, kind: str, *, given: int = 0) -> Exchange:
    failure = Failure(status, message, kind, retry_after="0" if status == 429 else "")
    return Exchange(name, "errors", what, request(name), Answer(failure=failure), status=given or status, targets=_some)


def _told(header: str, value: str) -> Any:
    def received(_: Target, got: Mapping[str, Any]) -> list[str]:
        found = got["received"].headers.get(header)
        return [] if found == value else [f"{header} is {found!r}, not {value!r}"]

    return received


def _within(name: str, what: str, failure: Failure, *parts: Text | Call) -> Exchange:
    return Exchange(
        name,
        "errors",
        what,
        request(name),
        Answer(parts or (Text("One two three four five."),), failure=failure),
        targets=_some,
    )


# Prompts that do not fit, in each provider's words: of their documentation, or of users' reports.
_WORDS = {
    "anthropic": "prompt is too long: 250000 tokens > 200000 maximum",
    "openai": "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "azure": "This model's maximum context length is 128000 tokens. However, your messages resulted in 140000 tokens.",
    "gemini": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "vertex-gemini": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "vertex-claude": "prompt is too long: 250000 tokens > 200000 maximum",
    "bedrock": "Input is too long for requested model.",
    "bedrock-nova": "Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
    "groq": "Please reduce the length of the messages or completion.",
    "cerebras": "Current length is 140000 while limit is 131072",
    "mistral": "Prompt contains 140000 tokens and 0 draft tokens, too large for model with 131072 maximum context",
    "xai": "This model's maximum prompt length is 256000 but the request contains 300000 tokens.",
    "openrouter": "This endpoint's maximum context length is 200000 tokens. However, you requested about 250000.",
    "deepseek": "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens",
    "moonshot": "Invalid request: Your request exceeded model token limit: 262144",
    "zai": "Prompt exceeds max length",
    "compatible": "input length too long: 210000 exceeds the maximum context length of 200000",
    "together": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 131073.",
    "vllm": "This model's maximum context length is 65536 tokens. However, your request has 70000 input tokens.",
    "openai-own": "the request exceeds the available context size, try increasing it",
    "lmstudio": "The number of tokens to keep from the initial prompt is greater than the context length.",
}


def _window(name: str, what: str, **changes: Any) -> Exchange:
    return Exchange(
        name,
        "errors",
        what,
        request(name, **changes),
        Answer(failure=Failure(400, "", "invalid_request_error", words=_WORDS)),
        status=400,
        targets=lambda target: target.name in _WORDS,
        received=_compacts,
    )


def _compacts(_: Target, got: Mapping[str, Any]) -> list[str]:
    """Claude Code compacts a conversation where it reads these words, and no others."""
    said = str((got["received"].error or {}).get("message"))
    return [] if "prompt is too long" in said.lower() else [f"Claude Code does not understand: {said[:200]}"]


EXCHANGES = [
    _window("window", "A prompt that does not fit: Claude Code is told so in the words that it understands."),
    _window("window-whole", "The same, not streamed.", stream=False),
    _before("error-400", "A refusal with its reason.", 400, "planted: too many images", "invalid_request_error"),
    _before("error-401", "A wrong key of the provider's.", 401, "planted: invalid key", "authentication_error"),
    _before("error-404", "A model that the provider has not.", 404, "planted: no such model", "not_found_error"),
    _before("error-429", "A rate limit.", 429, "planted: slow down", "rate_limit_error"),
    Exchange(
        "error-429-later",
        "errors",
        "A rate limit, and when it ends: the client is told both, at once.",
        request("error-429-later"),
        Answer(failure=Failure(429, "planted: slow down", "rate_limit_error", retry_after="7")),
        status=429,
        targets=lambda target: target.name in ("anthropic", "openai", "compatible", "groq", "vllm", "azure"),
        received=_told("retry-after", "7"),
    ),
    _before("error-413", "A request that is too large.", 413, "planted: too large", "request_too_large"),
    _before("error-403", "What a key may not do.", 403, "planted: not yours", "permission_error"),
    Exchange(
        "error-overloaded",
        "errors",
        "Anthropic's own word for a provider that is overloaded.",
        request("error-overloaded"),
        Answer(failure=Failure(529, "planted: Overloaded", "overloaded_error")),
        status=529,
        targets=lambda target: target.wire in ("anthropic", "imitated"),
    ),
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

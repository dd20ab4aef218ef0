"""Profiles: names of Claude's find their tier, kinds of requests their route, and what is refused its fallback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Exchange, Failure, Text

from .request import BROWN, PNG, assistant, call, request, result, user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]

_ELSEWHERE = "lmstudio"  # where none of these is to arrive
_SOME = ("anthropic", "openai", "gemini", "compatible", "vllm", "groq")
_TIERS = {"opus": _ELSEWHERE, "sonnet": _ELSEWHERE, "haiku": _ELSEWHERE}
_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
_SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}


def _some(target: Target) -> bool:
    return target.name in _SOME


def _profile(**fields: Any) -> dict[str, Any]:
    return {"tiers": _TIERS, "models": [], "routes": {}, "fallbacks": [], **fields}


def _name(name: str, what: str, asked: str, tier: str) -> Exchange:
    body = {**request(name), "model": asked}
    return Exchange(name, "profiles", what, body, targets=_some, profile=_profile(tiers={**_TIERS, tier: "SELF"}))


def _route(name: str, what: str, route: Mapping[str, Any], asked: str = "claude-opus-5-5", **fields: Any) -> Exchange:
    targets = fields.pop("targets", _some)
    messages = fields.pop("messages", ())
    body = {**request(name, *messages, **fields), "model": asked}
    return Exchange(name, "profiles", what, body, targets=targets, profile=_profile(routes=route))


def _fallback(name: str, what: str, by: str, refusal: Failure | Answer) -> Exchange:
    return Exchange(
        name,
        "profiles",
        what,
        {**request(name), "model": "opus"},
        targets=lambda target: _some(target) and target.name != by,
        profile=_profile(tiers={"opus": "REFUSING"}, fallbacks=["SELF"]),
        refused_by=(by, refusal),
    )


def _says_what_there_is(target: Target, got: Mapping[str, Any]) -> list[str]:
    said = str((got["received"].error or {}).get("message"))
    wanted = f"opus ({target.name})"
    return [] if wanted in said and "gpt-nowhere" in said else [f"it does not say {wanted!r}: {said[:200]}"]


_SLOW = Failure(429, "planted: slow down", "rate_limit_error", retry_after="60")
_FULL = Failure(400, "prompt is too long: 250000 tokens > 200000 maximum", "invalid_request_error")

EXCHANGES = [
    _name("name-alias", "A bare alias is the profile's tier.", "opus", "opus"),
    _name("name-other-version", "A version that nobody serves is the profile's tier.", "claude-opus-4-8", "opus"),
    _name("name-dated", "So is a dated one.", "claude-sonnet-4-5-20250929", "sonnet"),
    _name("name-old", "And one of the old order of words.", "claude-3-5-haiku-20241022", "haiku"),
    _name("name-window", "The mark for a large window is no part of a name.", "claude-opus-4-8[1m]", "opus"),
    _name("name-fable", "Fable is the profile's fable.", "claude-fable-5", "fable"),
    _name("name-fable-as-opus", "Without one it is the profile's opus.", "fable", "opus"),
    Exchange(
        "name-of-a-model",
        "profiles",
        "A model of the profile's is meant by its own name.",
        request("name-of-a-model"),
        targets=_some,
        profile=_profile(models=["SELF"]),
    ),
    Exchange(
        "name-by-wildcard",
        "profiles",
        "A bare name that only a provider's wildcard serves: LiteLLM knows whose it is.",
        {**request("name-by-wildcard"), "model": "gpt-4o"},
        targets=lambda target: target.name == "openai",
        reached=lambda _, body: [] if body.get("model") == "gpt-4o" else [f"it asks for {body.get('model')}"],
        profile=_profile(),
    ),
    Exchange(
        "name-unknown",
        "profiles",
        "A name of nothing: Claude Code shows what there is.",
        {**request("name-unknown"), "model": "gpt-nowhere"},
        status=400,
        targets=_some,
        received=_says_what_there_is,
        profile=_profile(tiers={"opus": "SELF"}),
    ),
    _route("route-think", "Thinking has a model of its own.", {"think": "SELF"}, thinking={"type": "adaptive"}),
    _route(
        "route-background",
        "What is asked of haiku without tools is background.",
        {"background": "SELF"},
        "haiku",
        tools=None,
        tool_choice=None,
    ),
    _route(
        "route-web-search",
        "A search of the web.",
        {"web_search": "SELF"},
        tools=[_SEARCH],
        targets=lambda target: target.name in ("anthropic", "openai", "gemini"),
    ),
    _route(
        "route-image",
        "An image, and the tools that are called because of it.",
        {"image": "SELF"},
        messages=(
            user(_IMAGE, "look"),
            assistant(call("toolu_01", "Read", file_path="/a.txt")),
            user(result("toolu_01", "x")),
        ),
        targets=lambda target: _some(target) and target.sees,
    ),
    _route(
        "route-long-context",
        "A prompt of 30,000 tokens, where more than 20,000 are long.",
        {"long_context": {"over": 20_000, "model": "SELF"}},
        messages=(user(BROWN * 2500),),
    ),
    _fallback("fallback-rate-limit", "A rate limit: the next model answers, at once.", "groq", _SLOW),
    _fallback("fallback-rate-limit-native", "The same where Anthropic's format is spoken.", "anthropic", _SLOW),
    _fallback("fallback-overloaded", "An overloaded provider.", "anthropic", Failure(529, "full", "overloaded_error")),
    _fallback("fallback-context", "A prompt that does not fit.", "anthropic", _FULL),
    _fallback(
        "fallback-context-words",
        "The same in words that LiteLLM does not know.",
        "zai",
        Failure(400, "Prompt exceeds max length", "invalid_request_error"),
    ),
    _fallback("fallback-responses", "A rate limit of OpenAI's.", "openai", _SLOW),
    _fallback("fallback-refusal", "A model that refuses to answer.", "anthropic", Answer((), stop="refusal")),
    Exchange(
        "fallback-not-within",
        "profiles",
        "An answer that has begun is not begun again.",
        {**request("fallback-not-within"), "model": "opus"},
        Answer((Text("I read it."), Call("Read", '{"file_path": "/a"}')), failure=Failure(529, "full", "x", after=3)),
        targets=_some,
        profile=_profile(tiers={"opus": "SELF"}, fallbacks=[_ELSEWHERE]),
    ),
]

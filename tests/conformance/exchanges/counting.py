"""Counting tokens: Claude Code asks before it compacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Exchange
from tests.conformance.stub import COUNTED

from .request import BETAS, history, request, result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]


# Of the others LiteLLM counts by itself.
_COUNT_THEMSELVES = ("anthropic", "gemini", "openai", "compatible", "bedrock", "vertex-claude")


def _counted(target: Target, got: Mapping[str, Any]) -> list[str]:
    count = got["body"].get("input_tokens")
    return [] if isinstance(count, int) and 30 < count < 10_000 else [f"input_tokens {count!r}"]


def _counted_there(target: Target, got: Mapping[str, Any]) -> list[str]:
    count = got["body"].get("input_tokens")
    return [] if count == COUNTED else [f"input_tokens {count!r}, and {target.name} says {COUNTED}"]


def _counting(name: str, what: str, body: dict[str, Any], **more: Any) -> Exchange:
    body = {key: value for key, value in body.items() if key not in ("max_tokens", "stream", "metadata")}
    fields = {"received": _counted, "headers": BETAS, **more}
    return Exchange(name, "counting", what, body, path="/v1/messages/count_tokens", **fields)


EXCHANGES = [
    _counting("count", "The tokens of a request.", request("count")),
    _counting(
        "count-history", "The same with calls and results.", request("count-history", *history(result("toolu_01", "x")))
    ),
    _counting("count-thinking", "The same with thinking.", request("count-thinking", thinking={"type": "adaptive"})),
    _counting(
        "count-name",
        "A name of Claude's is counted by the provider of the profile's model.",
        {**request("count-name"), "model": "claude-opus-4-8"},
        received=_counted_there,
        targets=lambda target: target.name in _COUNT_THEMSELVES,
        profile={"tiers": {"opus": "SELF"}},
    ),
]

"""Counting tokens: Claude Code asks before it compacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Exchange

from .request import BETAS, history, request, result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]


def _counted(target: Target, got: Mapping[str, Any]) -> list[str]:
    count = got["body"].get("input_tokens")
    return [] if isinstance(count, int) and 30 < count < 10_000 else [f"input_tokens {count!r}"]


def _counting(name: str, what: str, body: dict[str, Any]) -> Exchange:
    body = {key: value for key, value in body.items() if key not in ("max_tokens", "stream", "metadata")}
    return Exchange(name, "counting", what, body, path="/v1/messages/count_tokens", received=_counted, headers=BETAS)


EXCHANGES = [
    _counting("count", "The tokens of a request.", request("count")),
    _counting(
        "count-history", "The same with calls and results.", request("count-history", *history(result("toolu_01", "x")))
    ),
    _counting("count-thinking", "The same with thinking.", request("count-thinking", thinking={"type": "adaptive"})),
]

"""Limits: what a model does not take is made what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Exchange

from .request import BETAS, BROWN, request, user

if TYPE_CHECKING:
    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]

_OTHERS = (
    "context-1m-2025-08-07,fine-grained-tool-streaming-2025-05-14,advanced-tool-use-2025-11-20,"
    "structured-outputs-2025-12-15,redact-thinking-2026-02-12,context-hint-2026-04-09,extended-cache-ttl-2025-04-11"
)


def _bounded(name: str, what: str, **fields: Any) -> Exchange:
    targets = fields.pop("targets", lambda _: True)
    return Exchange(name, "limits", what, request(name, **fields), targets=targets, headers=fields.pop("headers", {}))


def _filled(target: Target) -> bool:
    return bool(target.context)


EXCHANGES = [
    _bounded("max-tokens-32000", "What Claude Code asks of models it does not know.", max_tokens=32_000),
    _bounded("max-tokens-64000", "What it asks of models it does know.", max_tokens=64_000),
    _bounded("max-tokens-million", "More than any model answers with.", max_tokens=2_000_000),
    _bounded("max-tokens-1", "One token.", max_tokens=1),
    Exchange(
        "context-filled",
        "limits",
        "A prompt that leaves no room for max_tokens in the model's context.",
        request("context-filled", user(BROWN * 4500), max_tokens=64_000),
        targets=_filled,
    ),
    Exchange(
        "context-nearly-full",
        "limits",
        "A prompt of 100,000 tokens, and the usual max_tokens.",
        request("context-nearly-full", user(BROWN * 9000), max_tokens=32_000),
        targets=lambda target: target.context > 100_000,
    ),
    _bounded("stop-sequences", "Two stop sequences.", stop_sequences=["STOP", "END"]),
    _bounded(
        "sampling",
        "A temperature and a top_p, where they are taken.",
        temperature=0.5,
        targets=lambda target: not target.claude and target.wire not in ("responses", "azure"),
    ),
    _bounded("top-k", "top_k, which most do not know.", top_k=40, targets=lambda target: not target.claude),
    _bounded("service-tier", "A tier of service that only Anthropic has.", service_tier="auto"),
    Exchange(
        "betas",
        "limits",
        "Every beta that Claude Code sends.",
        request("betas"),
        headers=BETAS,
    ),
    _bounded(
        "context-management",
        "Edits of the context, which only Anthropic makes.",
        context_management={"edits": [{"type": "clear_tool_uses_20250919"}]},
        targets=lambda target: True,
    ),
    Exchange(
        "betas-others",
        "limits",
        "Betas that Claude Code sends with some of its features.",
        request("betas-others"),
        headers={"anthropic-beta": f"{BETAS['anthropic-beta']},{_OTHERS}"},
    ),
    _bounded(
        "own-parameters",
        "Fields that only Anthropic's API has.",
        targets=lambda target: not target.claude,
        container={"skills": [{"type": "anthropic", "skill_id": "pdf", "version": "latest"}]},
        mcp_servers=[{"type": "url", "name": "x", "url": "https://example.com/sse"}],
        inference_geo="us",
        speed="fast",
    ),
    Exchange(
        "task-budget",
        "limits",
        "A budget for a whole task, and thinking that is shown in short.",
        request(
            "task-budget",
            thinking={"type": "adaptive", "display": "summarized"},
            output_config={"effort": "high", "task_budget": {"type": "tokens", "total": 100_000}},
        ),
        headers={"anthropic-beta": f"{BETAS['anthropic-beta']},task-budgets-2026-03-13"},
    ),
    _bounded("metadata-none", "No metadata.", metadata=None),
    _bounded("metadata-long", "A user's id of 256 characters.", metadata={"user_id": "u" * 256}),
]

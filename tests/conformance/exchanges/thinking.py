"""Thinking: asked for in every form, coming, and going back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Exchange, Redacted, Text, Thinking
from tests.conformance.wires.anthropic import SIGNED

from .request import BETAS, assistant, call, request, result, user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]

_ADAPTIVE = {"type": "adaptive"}
_A = Call("Read", '{"file_path": "/a"}')
_REMEMBERS = ("moonshot", "zai", "vllm", "lmstudio")  # a chat model that gets its thoughts back as reasoning_content


def _asked(name: str, what: str, answer: Answer | None = None, **fields: Any) -> Exchange:
    targets = fields.pop("targets", lambda _: True)
    reached = fields.pop("reached", lambda *_: ())
    return Exchange(
        name,
        "thinking",
        what,
        request(name, **fields),
        answer or Answer(),
        headers=BETAS,
        targets=targets,
        reached=reached,
    )


def _effort(level: str) -> Exchange:
    return _asked(
        f"effort-{level}",
        f"Effort {level} becomes one that the model takes.",
        thinking=_ADAPTIVE,
        output_config={"effort": level},
        reached=_has_effort,
    )


def _has_effort(target: Target, body: Mapping[str, Any]) -> list[str]:
    """A model that takes efforts gets one: thinking must not be lost in the translation."""
    if target.wire not in ("chat", "responses") or not target.efforts or target.name == "openai-own":
        return []
    found = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")
    return [] if found else ["the effort is lost"]


def _carried(target: Target, body: Mapping[str, Any]) -> list[str]:
    there = json.dumps(body)
    if target.claude and target.wire != "chat" and SIGNED not in there:
        return ["the seal of the thinking is lost"]
    if target.name in _REMEMBERS and "planted thought" not in there:
        return ["the thought is lost"]
    return []


def _replies(target: Target) -> bool:
    return target.wire not in ("converse",)


def _back(name: str, what: str, *blocks: dict[str, Any], **more: Any) -> Exchange:
    said = assistant(*blocks, "I will.", call("toolu_01", "Read", file_path="/a"))
    body = request(name, user("Read."), said, user(result("toolu_01", "x")), thinking=_ADAPTIVE)
    return Exchange(name, "thinking", what, body, headers=BETAS, **more)


_SEALED = {"type": "thinking", "thinking": "planted thought", "signature": SIGNED}
_UNSEALED = {"type": "thinking", "thinking": "planted thought", "signature": ""}

EXCHANGES = [
    *(_effort(level) for level in ("low", "medium", "high", "xhigh", "max")),
    _asked("thinking-budget", "A budget of tokens.", thinking={"type": "enabled", "budget_tokens": 4000}),
    _asked(
        "thinking-budget-large",
        "A budget next to max_tokens, as Claude Code counts it for models it does not know.",
        thinking={"type": "enabled", "budget_tokens": 31_999},
        max_tokens=32_000,
    ),
    _asked(
        "thinking-disabled",
        "No thinking.",
        thinking={"type": "disabled"},
        targets=lambda target: not (target.claude and target.name != "anthropic-haiku"),
    ),
    _asked(
        "effort-without-thinking",
        "An effort, and nothing about thinking.",
        output_config={"effort": "medium"},
    ),
    _asked(
        "thinking-comes",
        "Thinking comes as a block of its own, before the text.",
        Answer((Thinking("Let me see. Yes."), Text("It is so."))),
        thinking=_ADAPTIVE,
    ),
    _asked(
        "thinking-comes-whole",
        "The same in an answer that is not streamed.",
        Answer((Thinking("Let me see. Yes."), Text("It is so."))),
        thinking=_ADAPTIVE,
        stream=False,
        targets=lambda target: target.wire != "ollama",
    ),
    _asked(
        "thinking-then-call",
        "Thinking, and a call without a text between them.",
        Answer((Thinking("I need the file."), _A)),
        thinking=_ADAPTIVE,
    ),
    _asked(
        "thinking-together",
        "Thinking, text and call in one chunk.",
        Answer((Thinking("I need it."), Text("Reading."), _A), pieces="together"),
        thinking=_ADAPTIVE,
    ),
    _asked(
        "thinking-interleaved",
        "Thinking between texts.",
        Answer((Thinking("One."), Text("First."), Thinking("Two."), Text("Second."))),
        thinking=_ADAPTIVE,
        targets=lambda target: target.wire in ("anthropic", "imitated", "invoke", "raw-predict", "chat", "gemini"),
    ),
    _asked(
        "thinking-redacted",
        "Thinking that only its provider can read comes as it is.",
        Answer((Redacted("x"), Text("It is so."))),
        thinking=_ADAPTIVE,
        targets=lambda target: target.claude and target.wire != "chat",
    ),
    _back(
        "thinking-sealed-back",
        "Sealed thinking goes back as it was.",
        _SEALED,
        reached=_carried,
        targets=lambda target: target.claude and target.wire != "chat",
    ),
    _back(
        "thinking-unsealed-back",
        "Thinking without a seal goes back to those who want it, and to nobody else.",
        _UNSEALED,
        reached=lambda target, body: [] if target.claude else _carried(target, body),
    ),
    _back(
        "thinking-redacted-back",
        "Redacted thinking goes back to its provider.",
        {"type": "redacted_thinking", "data": SIGNED},
        reached=_carried,
        targets=lambda target: target.claude and target.wire != "chat",
    ),
    _back(
        "thinking-redacted-elsewhere",
        "Redacted thinking of Claude's goes to nobody else.",
        {"type": "redacted_thinking", "data": SIGNED},
        targets=lambda target: not target.claude,
    ),
    Exchange(
        "thinking-only-back",
        "thinking",
        "A message of the model's that was thinking only.",
        request(
            "thinking-only-back",
            user("Think."),
            assistant(_UNSEALED),
            user("Go on."),
            thinking=_ADAPTIVE,
        ),
        headers=BETAS,
    ),
]

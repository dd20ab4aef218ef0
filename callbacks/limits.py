"""What a request asks for, brought to what its model can: tokens, efforts, thinking. Knows no LiteLLM."""

from __future__ import annotations

import marshal
from typing import TYPE_CHECKING, Any

from callbacks.abilities import nearest

if TYPE_CHECKING:
    from callbacks.abilities import Abilities
    from callbacks.provider_rules import Rules

__all__ = ["bound"]

_ASKED = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_FEWEST = {"max_output_tokens": 16}  # /responses refuses less
_ROOM = 1024  # tokens for an answer, however full the context is: whether it fits is then the provider's to say
_BYTES = 3.5  # a token: 4 in prose, 3 in code
_USUAL = ("low", "medium", "high")  # what servers that imitate OpenAI's API know
_LOCAL = frozenset({"hosted_vllm", "lm_studio"})
_OPEN_END = 8192  # a larger max_tokens only says "as much as you like"
# Ollama cuts a prompt off at num_ctx without saying so, at 4,096 by default; Claude Code begins with 25,000.
_WINDOW = 65_536


def bound(request: dict[str, Any], rules: Rules, can: Abilities, *, messages_api: bool) -> None:
    """Change a request that is ours to what its model can."""
    _bound_tokens(request, rules, can, messages_api=messages_api)
    if not messages_api:
        _bound_efforts(request, _USUAL if can.efforts is None and rules.chat_only else can.efforts)
    if rules.provider in ("ollama", "ollama_chat"):
        if can.thinks is False:
            for name in ("reasoning_effort", "think", "thinking"):
                request.pop(name, None)
        if "num_ctx" not in request:
            request["num_ctx"] = min(_WINDOW, can.context or _WINDOW)


def _bound_tokens(request: dict[str, Any], rules: Rules, can: Abilities, *, messages_api: bool) -> None:
    measured = rules.native or not messages_api  # else what it is translated into is, when it comes
    for name in _ASKED:
        asked = request.get(name)
        if not isinstance(asked, int):
            continue
        if can.output is not None:
            asked = min(asked, can.output)
        if measured and can.context is not None and asked > can.context // 32:
            prompt = _size([request.get(part) for part in ("messages", "input", "system", "instructions", "tools")])
            asked = min(asked, max(can.context - int(prompt / _BYTES), _ROOM))
        elif (
            can.context is None
            and can.output is None
            and rules.provider in _LOCAL
            and asked > _OPEN_END
            and not messages_api
        ):
            del request[name]  # it fills the rest of its context by itself, and refuses more than that
            continue
        request[name] = max(asked, _FEWEST.get(name, 1))
    budget = request.get("thinking")
    most = request.get("max_tokens")
    if isinstance(budget, dict) and isinstance(most, int) and isinstance(tokens := budget.get("budget_tokens"), int):
        if tokens >= most > _ROOM:
            request["thinking"] = {**budget, "budget_tokens": most - 1}
        elif most <= _ROOM:
            del request["thinking"]


def _bound_efforts(request: dict[str, Any], efforts: tuple[str, ...] | None) -> None:
    if efforts is None:
        return
    for name in ("reasoning_effort", "reasoning"):
        asked = request.get(name)
        effort = asked.get("effort") if isinstance(asked, dict) else asked
        if not isinstance(effort, str):
            continue
        fits = nearest(effort, efforts)
        if fits is None:
            del request[name]
        elif fits != effort:
            request[name] = {**asked, "effort": fits} if isinstance(asked, dict) else fits


def _size(value: Any) -> int:
    """Return about how many bytes a part of a request has. A walk through 200 kB takes ten times as long."""
    try:
        return len(marshal.dumps(value, 2))  # 2: what is there twice counts twice
    except ValueError:  # something in it is no JSON
        return len(str(value))

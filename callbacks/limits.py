"""What a request asks for, brought to what its model can: tokens, efforts, thinking. Knows no LiteLLM."""

from __future__ import annotations

import marshal
import operator
from typing import TYPE_CHECKING, Any

from callbacks.abilities import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callbacks.abilities import Abilities
    from callbacks.provider_rules import Rules

__all__ = ["bound", "tools"]

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


def tools(given: list[Any], request: dict[str, Any], most: int | None) -> list[Any]:
    """Return a request's tools: no more than the provider takes, and with schemas that it takes.

    Those that were called stay, and of the others the first: Claude Code's own come before those of MCP servers.
    """
    if most is not None and len(given) > most:
        needed = set(_called(request)) | {_chosen(request.get("tool_choice"))}
        names = [_name(tool) for tool in given]
        left = max(most - sum(name in needed for name in names), 0)
        kept = []
        for tool, name in zip(given, names, strict=True):
            if name in needed:
                kept.append(tool)
            elif left:
                kept.append(tool)
                left -= 1
        given = kept[:most]
    settled = [_settled(tool) for tool in given]
    return given if all(map(operator.is_, settled, given)) else settled


def _name(tool: Any) -> Any:
    return (tool.get("function") or tool).get("name") if isinstance(tool, dict) else None


def _chosen(choice: Any) -> Any:
    return (choice.get("function") or choice).get("name") if isinstance(choice, dict) else None


def _called(request: dict[str, Any]) -> Iterator[Any]:
    for message in [*(request.get("messages") or ()), *(request.get("input") or ())]:
        if not isinstance(message, dict):
            continue
        yield message.get("name") if message.get("type") == "function_call" else None
        content = message.get("content")
        for block in [*(content if isinstance(content, list) else ()), *(message.get("tool_calls") or ())]:
            yield _name(block)


def _settled(tool: Any) -> Any:
    """Return a tool whose schema says that it is an object, and of what: some servers leave it out."""
    if not isinstance(tool, dict):
        return tool
    for name in ("input_schema", "parameters"):
        if isinstance(schema := tool.get(name), dict) and not {"type", "properties"} <= schema.keys():
            return {**tool, name: {"type": "object", "properties": {}, **schema}}
    if isinstance(function := tool.get("function"), dict) and (fewer := _settled(function)) is not function:
        return {**tool, "function": fewer}
    return tool


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

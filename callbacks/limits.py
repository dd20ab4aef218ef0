"""What a request asks for, brought to what its model can: tokens, efforts, thinking. Knows no LiteLLM."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from callbacks.abilities import nearest
from callbacks.routing import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callbacks.abilities import Abilities
    from callbacks.provider_rules import Rules

__all__ = ["bound", "tools"]

_COMPOSED = frozenset({"$ref", "allOf", "anyOf", "oneOf"})  # what a schema is, said without its type
_SAID = ("messages", "input")
_ASKED = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_FEWEST = {"max_output_tokens": 16}  # /responses refuses less
_ROOM = 1024  # tokens for an answer, however full the context is: whether it fits is then the provider's to say
_FRAME = 16  # tokens that a template sets around a message
_BESIDE = 272_000  # what OpenAI's window of 400,000 leaves of itself beside an answer: no part of it is the answer's
_MILLION = "context-1m"  # the beta by which a model of Claude's has a window of a million tokens, unlike in the table
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
        if isinstance(schema := tool.get(name), dict) and (whole := _whole(schema)) is not schema:
            return {**tool, name: whole}
    if isinstance(function := tool.get("function"), dict) and (fewer := _settled(function)) is not function:
        return {**tool, "function": fewer}
    return tool


def _whole(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with its type and properties; itself where it has them, or says elsewhere what they are."""
    if isinstance(reference := schema.get("$ref"), str):
        target = _referred(schema, reference)
        if target is None or not _COMPOSED.isdisjoint(target):
            return schema
        schema = {**target, **{name: value for name, value in schema.items() if name != "$ref"}}
    if {"type", "properties"} <= schema.keys() or not _COMPOSED.isdisjoint(schema):
        return schema
    return {"type": "object", "properties": {}, **schema}


def _referred(schema: dict[str, Any], reference: str) -> dict[str, Any] | None:
    """Return what a reference to a place within a schema means; ``None`` if it is none, or there is nothing."""
    found: Any = schema
    start, *path = reference.split("/")
    for step in path:
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found if start == "#" and path and isinstance(found, dict) else None


def _bound_tokens(request: dict[str, Any], rules: Rules, can: Abilities, *, messages_api: bool) -> None:
    measured = rules.native or not messages_api  # else what it is translated into is, when it comes
    # Before what the prompt leaves is looked at: that is an estimate, and no reason to think less than was asked for.
    wanted = min((n for n in (request.get("max_tokens"), can.output) if isinstance(n, int)), default=0)
    for name in _ASKED:
        asked = request.get(name)
        if not isinstance(asked, int):
            continue
        if can.output is not None:
            asked = min(asked, can.output)
        if measured and can.context is not None and asked > can.context // 32 and _is_shared(request, rules, can):
            asked = min(asked, max(can.context - _tokens(request), _least(request)))
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
    most = request.get("max_tokens")
    if isinstance(most, int) and (budget := _budget(request)) is not None:
        if wanted <= _ROOM:
            del request["thinking"]
        elif budget >= most:
            request["thinking"] = {**request["thinking"], "budget_tokens": most - 1}


def _is_shared(request: dict[str, Any], rules: Rules, can: Abilities) -> bool:
    """Tell whether prompt and answer have one window of the known size, and it is ours to see that both fit."""
    if "claude" in rules.model:
        if rules.provider == "anthropic":
            return False  # Claude Code reads in its refusal how much is left, and asks for that
        named = ("anthropic_beta", "betas", "headers", "extra_headers", "provider_specific_header")
        return not any(_MILLION in str(request.get(name)) for name in named)
    if can.context == _BESIDE or (rules.provider in ("gemini", "vertex_ai") and "gemini" in rules.model):
        return False
    # Models of OpenAI's own that think end their answer where the window does, and refuse no max_tokens for it.
    return not (can.thinks and rules.provider in ("azure", "openai") and not rules.chat_only)


def _tokens(request: dict[str, Any]) -> int:
    """Return about how many tokens the prompt has."""
    return tokens(request) + _FRAME * sum(len(said) for said in map(request.get, _SAID) if isinstance(said, list))


def _least(request: dict[str, Any]) -> int:
    """Return the fewest tokens for an answer: a budget has to have 1,024 of its own, and the answer comes after it."""
    return _ROOM if _budget(request) is None else 2 * _ROOM


def _budget(request: dict[str, Any]) -> int | None:
    thinking = request.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    return budget if isinstance(budget, int) else None


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

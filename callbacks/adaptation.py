"""A request as a deployment takes it: a copy, without what its rules drop, in the form that its model takes.

Knows no LiteLLM.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from callbacks import conversation, limits
from callbacks.abilities import abilities_of
from callbacks.provider_rules import Rules, rules_for

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_NAME = 64  # of a tool at OpenAI
_OWN_TOOLS = frozenset({None, "custom", "function"})  # types of tools that the client runs


def adapt(
    request: Mapping[str, Any],
    table: Mapping[str, Any] | None = None,
    *,
    messages_api: bool = False,
    learnt: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the request as its deployment takes it. The given one is not changed: a fallback may need it.

    :param table: LiteLLM's price table
    :param messages_api: whether it is in Anthropic's format, and may still be translated into another one
    :param learnt: what the deployment itself has said of its model, in the table's words
    """
    rules = rules_for(request)
    adapted = dict(request)
    if rules.off:
        return adapted
    info = request.get("model_info")
    info = {**(learnt or {}), **(info if isinstance(info, dict) else {})}
    can = abilities_of(rules.provider, rules.model, info, table or {})
    _drop(adapted, rules)
    _rename(adapted, rules, messages_api=messages_api)
    if isinstance(messages := adapted.get("messages"), list):
        adapted["messages"] = conversation.settle(messages, rules, can)
        if rules.begins_answers and not messages_api and (last := messages[-1:]) and _is_begun(last[0]):
            adapted["messages"] = [*adapted["messages"][:-1], {**adapted["messages"][-1], "prefix": True}]
    if isinstance(tools := adapted.get("tools"), list):
        adapted["tools"] = limits.tools(tools, adapted, rules.most_tools)
    limits.bound(adapted, rules, can, messages_api=messages_api)
    return adapted


def _drop(adapted: dict[str, Any], rules: Rules) -> None:
    for name in rules.drop & adapted.keys():
        del adapted[name]
    if not rules.drop and rules.betas is None:
        return
    if isinstance(messages := adapted.get("messages"), list):
        adapted["messages"] = [kept for message in messages if (kept := _message(message, rules)) is not None]
    if isinstance(system := adapted.get("system"), list):
        adapted["system"] = [_block(block, rules) for block in system]
    if isinstance(tools := adapted.get("tools"), list):
        adapted["tools"] = [_tool(tool, rules) for tool in tools if not _is_dropped_tool(tool, rules)]
        if not adapted["tools"]:
            adapted.pop("tools")
            adapted.pop("tool_choice", None)
        elif len(adapted["tools"]) < len(tools) and not _is_there(adapted.get("tool_choice"), adapted["tools"]):
            adapted.pop("tool_choice")
    if "cache_control" in adapted:
        adapted["cache_control"] = _without_parts(adapted["cache_control"], rules)
    if rules.betas is not None:
        _filter_betas(adapted, rules.betas)


def _is_begun(message: Any) -> bool:
    """Tell whether this is the beginning of an answer."""
    return isinstance(message, dict) and message.get("role") == "assistant" and not message.get("tool_calls")


def _is_there(choice: Any, tools: list[Any]) -> bool:
    """Tell whether a tool that has to be called is still one of the tools."""
    name = choice.get("name") if isinstance(choice, dict) else None
    return name is None or any(isinstance(tool, dict) and tool.get("name") == name for tool in tools)


def _rename(adapted: dict[str, Any], rules: Rules, *, messages_api: bool) -> None:
    """Say thinking in the words of those whose words LiteLLM has wrong."""
    if not messages_api:
        if rules.chat_only:
            adapted.pop("prompt_cache_key", None)
        return
    thinking = adapted.get("thinking")
    if rules.chat_only:
        # Servers that imitate OpenAI's API know chat completions; /responses is few servers' (litellm#13352).
        adapted.setdefault("use_chat_completions_api", True)
        if isinstance(thinking, dict) and thinking.get("type") == "enabled":
            adapted["thinking"] = {"type": "adaptive"}  # `enabled` would go to /responses all the same
            adapted["output_config"] = {"effort": _effort(thinking), **(adapted.get("output_config") or {})}
    elif rules.provider == "openai" and any(map(_has_long_name, adapted.get("tools") or ())):
        # By the way of chat completions LiteLLM shortens names, and back again; `responses/` is where that way ends.
        adapted.setdefault("use_chat_completions_api", True)
        if not rules.model.startswith("responses/"):
            adapted["model"] = f"openai/responses/{rules.model}"
    elif rules.provider == "openrouter" and isinstance(thinking, dict):
        del adapted["thinking"]  # LiteLLM hands it on to Claude as it is, and OpenRouter knows efforts
        config = adapted.get("output_config") or {}
        if thinking.get("type") != "disabled":
            adapted["reasoning_effort"] = config.get("effort") or _effort(thinking)


def _has_long_name(tool: Any) -> bool:
    name = tool.get("name") if isinstance(tool, dict) else None
    return isinstance(name, str) and len(name) > _LONGEST_NAME


def _effort(thinking: Mapping[str, Any]) -> str:
    """Return the effort that a budget of tokens means."""
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int):
        return "medium"
    return "low" if budget < 4096 else "medium" if budget < 16_384 else "high"


def _message(message: Any, rules: Rules) -> Any:
    """Return a message without what is dropped; ``None`` if nothing is left of it."""
    if not isinstance(message, dict):
        return message
    kept = _fields(message, rules)
    if "thinking_blocks" in rules.drop and "thinking_blocks" in kept:
        kept = {name: value for name, value in kept.items() if name != "thinking_blocks"}
    if isinstance(content := message.get("content"), list):
        blocks = [_block(block, rules) for block in content if not _is_dropped_thinking(block, rules)]
        if content and not blocks and not kept.get("tool_calls"):
            return None  # it was thinking only; a message without content is refused everywhere
        kept = _with(kept, "content", content, blocks)
    if isinstance(calls := kept.get("tool_calls"), list):
        kept = _with(kept, "tool_calls", calls, [_tool_call(call, rules) for call in calls])
    return kept


def _with(mapping: dict[str, Any], name: str, before: list[Any], after: list[Any]) -> dict[str, Any]:
    """Return a mapping with another list in it; itself if the list is the same."""
    if len(before) == len(after) and all(map(operator.is_, before, after)):
        return mapping
    return {**mapping, name: after}


def _is_dropped_thinking(block: Any, rules: Rules) -> bool:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in ("thinking", "redacted_thinking"):
        return False
    if kind == "redacted_thinking" and rules.native and "redacted_thinking" in rules.drop:
        return True
    # Where a translation follows, the text of the thinking becomes reasoning_content, which some do want.
    return "thinking_blocks" in rules.drop and (rules.native or "reasoning_content" in rules.drop)


def _block(block: Any, rules: Rules) -> Any:
    if not isinstance(block, dict):
        return block
    kept = _fields(block, rules)
    if isinstance(content := kept.get("content"), list):  # of a tool_result
        kept = _with(kept, "content", content, [_block(inner, rules) for inner in content])
    return kept


def _tool_call(call: Any, rules: Rules) -> Any:
    if not isinstance(call, dict):
        return call
    kept = _fields(call, rules)
    if isinstance(function := kept.get("function"), dict) and (fewer := _fields(function, rules)) is not function:
        kept = {**kept, "function": fewer}
    return kept


def _tool(tool: Any, rules: Rules) -> Any:
    """Return a tool definition without what is dropped; its schema is the user's, and not looked into."""
    if not isinstance(tool, dict):
        return tool
    kept = _fields(tool, rules)
    if not rules.tools.isdisjoint(kept):
        kept = {name: value for name, value in kept.items() if name not in rules.tools}
    function = kept.get("function")
    if isinstance(function, dict):
        fewer = {name: value for name, value in _fields(function, rules).items() if name not in rules.tools}
        kept = {**kept, "function": fewer}
    return kept


def _is_dropped_tool(tool: Any, rules: Rules) -> bool:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if "server_tools" not in rules.drop or kind in _OWN_TOOLS:
        return False
    return not (rules.searches and str(kind).startswith("web_search"))


def _fields(mapping: dict[str, Any], rules: Rules) -> dict[str, Any]:
    """Return a message, block or tool without the fields that are dropped at any depth; itself if it has none."""
    gone = rules.in_messages
    if "cache_control" not in mapping and gone.isdisjoint(mapping):
        return mapping
    kept = {name: value for name, value in mapping.items() if name not in gone}
    if "cache_control" in kept:
        if "cache_control" in rules.drop:
            del kept["cache_control"]
        else:
            kept["cache_control"] = _without_parts(kept["cache_control"], rules)
    return kept


def _without_parts(cache_control: Any, rules: Rules) -> Any:
    if not isinstance(cache_control, dict):
        return cache_control
    return {name: value for name, value in cache_control.items() if name not in rules.parts}


def _filter_betas(request: dict[str, Any], allowed: frozenset[str]) -> None:
    """Let only these betas pass, wherever LiteLLM takes them from."""
    for name in ("anthropic_beta", "betas"):
        if isinstance(betas := request.get(name), list):
            request[name] = [beta for beta in betas if beta in allowed]
    for name in ("headers", "extra_headers"):
        if isinstance(headers := request.get(name), dict):
            request[name] = _headers(headers, allowed)
    forwarded = request.get("provider_specific_header")
    if isinstance(forwarded, list):  # where there is more than one kind of them
        request["provider_specific_header"] = [_forwarded(one, allowed) for one in forwarded]
    elif forwarded:
        request["provider_specific_header"] = _forwarded(forwarded, allowed)


def _forwarded(forwarded: Any, allowed: frozenset[str]) -> Any:
    headers = forwarded.get("extra_headers") if isinstance(forwarded, dict) else None
    return {**forwarded, "extra_headers": _headers(headers, allowed)} if isinstance(headers, dict) else forwarded


def _headers(headers: dict[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in headers.items():
        if name.lower() != "anthropic-beta":
            kept[name] = value
        elif betas := [beta for beta in map(str.strip, str(value).split(",")) if beta in allowed]:
            kept[name] = ",".join(betas)
    return kept

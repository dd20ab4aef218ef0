"""Ids of tool calls in the form that a provider takes, and no two calls with the same. Knows no LiteLLM.

A session may have begun with another model: servers count their calls anew in each turn, LiteLLM writes the seal of a
thought of Gemini's into an id, and each provider has a form of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callbacks.provider_rules import Rules

__all__ = ["settle"]

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PLAIN = re.compile(r"[a-zA-Z0-9_-]{1,40}")  # what everybody takes; OpenAI takes no longer ones
_KIMI = re.compile(r"functions\.[\w.-]+:\d+")  # Kimi's own, which it reads better than any other
# The same as a client of Anthropic's format has it: LiteLLM lets nothing else into an id there.
_KIMI_AS_TOLD = re.compile(r"functions_(.+)_(\d+)")
_ODD = re.compile(r"[^a-zA-Z0-9_-]")
_SEAL = "__thought__"  # of Gemini's, in an id as LiteLLM writes it
_NINE = 9  # letters and digits: Mistral's


def settle(messages: list[Any], rules: Rules) -> list[Any]:
    """Return messages in which every call has an id of its own that the provider takes, and its result the same."""
    if _fit(messages, rules):
        return messages
    given: dict[str, deque[str]] = {}  # what the calls of the last turn got, by the id that they had
    taken: set[str] = set()
    return [_message(message, rules, given, taken) for message in messages]


def _fit(messages: list[Any], rules: Rules) -> bool:
    """Tell whether all is well as it is: the usual case, in a tenth of the time."""
    if rules.short_ids:
        return False
    free, plain, kimi = rules.keeps_seals, _PLAIN.fullmatch, rules.keeps_kimi_ids
    seen: set[Any] = set()
    for message in messages:
        if message.__class__ is not dict:
            continue
        content = message.get("content")
        calls = [block for block in content if _is_call(block)] if content.__class__ is list else []
        for call in calls + (message.get("tool_calls") or []):
            id = call.get("id") if call.__class__ is dict else None
            if id.__class__ is str:
                if id in seen or not (free or plain(id) or (kimi and _KIMI.fullmatch(id))):
                    return False
                if kimi and _KIMI_AS_TOLD.fullmatch(id):
                    return False
                seen.add(id)
    return True


def _is_call(block: Any) -> bool:
    return block.__class__ is dict and block.get("type") == "tool_use"


def _message(message: Any, rules: Rules, given: dict[str, deque[str]], taken: set[str]) -> Any:
    if not isinstance(message, dict):
        return message
    changed: dict[str, Any] = {}
    if message.get("role") == "assistant":
        given.clear()
    if isinstance(calls := message.get("tool_calls"), list):
        new = [_with(call, "id", _new(call, rules, given, taken)) if _has(call, "id") else call for call in calls]
        if any(one is not other for one, other in zip(new, calls, strict=True)):
            changed["tool_calls"] = new
    if isinstance(answered := message.get("tool_call_id"), str):
        new_id = _answered(answered, rules, given)
        if new_id != answered:
            changed["tool_call_id"] = new_id
    if isinstance(content := message.get("content"), list):
        blocks = [_block(block, rules, given, taken) for block in content]
        if any(one is not other for one, other in zip(blocks, content, strict=True)):
            changed["content"] = blocks
    return {**message, **changed} if changed else message


def _block(block: Any, rules: Rules, given: dict[str, deque[str]], taken: set[str]) -> Any:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "tool_use" and _has(block, "id"):
        return _with(block, "id", _new(block, rules, given, taken))
    if kind == "tool_result" and _has(block, "tool_use_id"):
        return _with(block, "tool_use_id", _answered(block["tool_use_id"], rules, given))
    return block


def _has(mapping: Any, name: str) -> bool:
    return isinstance(mapping, dict) and isinstance(mapping.get(name), str)


def _with(mapping: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    return mapping if mapping[name] == value else {**mapping, name: value}


def _new(call: dict[str, Any], rules: Rules, given: dict[str, deque[str]], taken: set[str]) -> str:
    """Return a call's id, and take note of it. Of those that had the same, each after the first gets one of its own."""
    had: str = call["id"]
    id = (rules.keeps_kimi_ids and _kimis(had, call)) or _fitting(had, rules)
    if id in taken:
        plain, seal, rest = had.partition(_SEAL)
        id = _fitting(f"{plain}_{len(taken)}{seal}{rest}", rules)
    taken.add(id)
    given.setdefault(had, deque()).append(id)
    return id


def _kimis(id: str, call: dict[str, Any]) -> str:
    """Return the id that Kimi gave to a call, where a client has it in another form; empty where it is not Kimi's."""
    name = (call.get("function") or call).get("name")
    found = _KIMI_AS_TOLD.fullmatch(id)
    return f"functions.{name}:{found[2]}" if found and found[1] == _ODD.sub("_", str(name)) else ""


def _answered(had: str, rules: Rules, given: dict[str, deque[str]]) -> str:
    """Return the id of a result: of the calls that had the same, the first that has none yet."""
    ids = given.get(had)
    if not ids:
        return _fitting(had, rules)
    return ids.popleft() if len(ids) > 1 else ids[0]


def _fitting(id: str, rules: Rules) -> str:
    """Return an id as a provider takes it: the same for the same, and its own if that fits."""
    if rules.short_ids:
        return id if len(id) == _NINE and id.isascii() and id.isalnum() else _short(id)
    if rules.keeps_seals or _PLAIN.fullmatch(id) or (rules.keeps_kimi_ids and _KIMI.fullmatch(id)):
        return id
    return f"call_{_short(id)}{_short(id[::-1])}"


def _short(id: str) -> str:
    """Return nine letters and digits for an id."""
    number = int.from_bytes(hashlib.blake2b(id.encode(errors="replace"), digest_size=8).digest(), "big")
    digits = []
    for _ in range(_NINE):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(digits)

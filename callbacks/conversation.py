"""A conversation in the form that its provider takes: who speaks where, what can be seen, what is sealed by whom.

Works on both formats, Anthropic's messages and chat completions, and changes only copies. Knows no LiteLLM.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from callbacks import ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from callbacks.abilities import Abilities
    from callbacks.provider_rules import Rules

__all__ = ["settle"]

_PLAIN = frozenset({"text", "tool_use"})  # nothing of these is ever changed; most blocks are of them
_SYSTEM = frozenset({"system", "developer"})  # LiteLLM makes the first of the second, after this
_PICTURES = frozenset({"image", "image_url", "input_image"})
# Of tools that Anthropic's servers run. Nobody else knows them, and LiteLLM leaves them out.
_RESULTS = frozenset(
    {"web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result", "mcp_tool_result"}
)
_PAPERS = frozenset({"document", "file", "input_file"})


def settle(messages: list[Any], rules: Rules, can: Abilities) -> list[Any]:
    """Return messages as a provider takes them."""
    if rules.settles_system:
        messages = list(_without_system(messages))
    if rules.ends_with_user and messages and _role(messages[-1]) == "assistant":
        messages = [*messages, {"role": "user", "content": "Go on."}]
    messages = ids.settle(messages, rules)
    return [kept for message in messages if (kept := _message(message, rules, can)) is not None]


def _message(message: Any, rules: Rules, can: Abilities) -> Any:
    if not isinstance(message, dict):
        return message
    if isinstance(message.get("content"), str):
        return message
    changed: dict[str, Any] = {}
    if isinstance(content := message.get("content"), list):
        blocks = [
            kept
            for block in content
            if (kept := block if block.__class__ is dict and block.get("type") in _PLAIN else _block(block, rules, can))
            is not None
        ]
        if content and not blocks and not message.get("tool_calls"):
            return None  # it was thinking only
        if not rules.native and message.get("role") == "assistant" and _is_thinking_only(blocks):
            return None  # nothing would be left of it but a field beside an empty message
        if not _same(blocks, content):
            changed["content"] = blocks
    return {**message, **changed} if changed else message


def _is_thinking_only(blocks: list[Any]) -> bool:
    kinds = {block.get("type") for block in blocks if isinstance(block, dict)}
    return bool(kinds) and kinds <= {"thinking", "redacted_thinking"}


def _block(block: Any, rules: Rules, can: Abilities) -> Any:
    """Return a block as it may be sent; ``None`` for none, the block itself where nothing changes."""
    if not isinstance(block, dict):
        return block
    kind = block.get("type")
    if kind in _PICTURES and can.sees is False:
        return _note("an image is here, which this model cannot see")
    if kind in _PAPERS:
        source = block.get("source")
        if isinstance(source, dict) and source.get("type") == "text" and not rules.claude:
            return _note(str(source.get("data") or ""), plain=True)
        if can.reads is False or (can.sees is False and can.reads is None):
            return _note("a document is here, which this model cannot read")
    if kind == "search_result" and not rules.claude:
        return _note(_found([block]), plain=True)
    if not rules.claude and kind == "server_tool_use":
        return None  # what it has found stands behind it
    if not rules.claude and kind in _RESULTS:
        return _note(_found(block.get("content")))
    if kind == "thinking" and rules.claude and not block.get("signature"):
        return None  # another model's: Claude takes only what it has signed
    if kind == "tool_result" and rules.needs_results and not _says_something(block.get("content")):
        return {**block, "content": "(no output)"}
    if kind == "tool_result" and isinstance(content := block.get("content"), list):
        inner = [
            kept
            for part in content
            if (kept := _block(part, rules, can)) is not None and not (rules.native and _is_blank(kept))
        ]
        if not _same(inner, content):
            return {**block, "content": inner}
    return block


def _found(content: Any) -> str:
    """Return what a search or another tool of Anthropic's servers has found, as words."""
    if isinstance(content, str):
        return content
    words: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        if not isinstance(part, dict):
            continue
        said = [part.get(name) for name in ("title", "url", "source", "text", "stdout", "stderr", "error_code")]
        inner = part.get("content")
        said.append(_found(inner) if isinstance(inner, dict | list) else inner)
        words.append("\n".join(one for one in said if isinstance(one, str) and one))
    return "\n\n".join(filter(None, words)) or "nothing was found"


def _is_blank(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "text" and not str(block.get("text") or "").strip()


def _says_something(content: Any) -> bool:
    if isinstance(content, list):
        return any(not isinstance(part, dict) or part.get("type") != "text" or part.get("text") for part in content)
    return bool(content)


def _same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(map(operator.is_, one, other))


def _note(text: str, *, plain: bool = False) -> dict[str, Any]:
    return {"type": "text", "text": text if plain else f"[{text}]"}


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


def _without_system(messages: Iterable[Any]) -> Iterator[Any]:
    """Yield messages with one system message, at the beginning. What those behind it say is the user's then.

    Between a call and its result nothing may stand, so they go behind the result.
    """
    held: list[Any] = []
    first: list[Any] = []
    begun = False
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role in _SYSTEM:
            (held if begun else first).append(message)
            continue
        if not begun:
            begun = True
            yield from _joined(first)
        if held and not _is_result(message):
            yield _said(held)
            held = []
        yield message
    if not begun:
        yield from _joined(first)
    if held:
        yield _said(held)


def _joined(first: list[Any]) -> Iterator[Any]:
    """Yield the system messages at the beginning as one: Codex and OpenCode send two, and Qwen's template takes one."""
    if len(first) < 2:
        yield from first
        return
    kept = {**first[0], "role": "system"}
    contents = [message.get("content") or "" for message in first]
    if all(isinstance(content, str) for content in contents):
        yield {**kept, "content": "\n\n".join(filter(None, contents))}
        return
    parts: list[Any] = []
    for content in contents:
        if content:
            parts += [{"type": "text", "text": content}] if isinstance(content, str) else content
    yield {**kept, "content": parts}


def _is_result(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    content = message.get("content")
    first = content[0] if isinstance(content, list) and content else None
    return message.get("role") == "tool" or (isinstance(first, dict) and first.get("type") == "tool_result")


def _said(held: list[dict[str, Any]]) -> dict[str, Any]:
    """Return system messages as one of the user's, marked as Claude Code marks what is not the user's own words."""
    blocks = [block for message in held for block in _texts(message.get("content"))]
    return {"role": "user", "content": blocks}


def _texts(content: Any) -> Iterator[dict[str, Any]]:
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content or []:
        if isinstance(part, dict) and isinstance(text := part.get("text"), str):
            yield {**part, "text": f"<system-reminder>\n{text}\n</system-reminder>"}

"""Anthropic's messages: of its own API, of servers that imitate it, and as Vertex AI serves Claude."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Failure, Redacted, Text, Thinking
from tests.conformance.target import CLAUDE_BETAS

from .reply import Reply, call_id, cut, sse, unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.conformance.target import Target

__all__ = ["SIGNED", "Anthropic", "Imitated", "RawPredict", "events", "problems"]

SIGNED = "c2lnbmVkIGJ5IHRoZSBzdHVi"  # the only signature that this provider made
_DECLINED = {"stop_details": {"type": "refusal", "category": None, "explanation": "planted: not with me"}}
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_REQUEST = {
    "model",
    "messages",
    "max_tokens",
    "system",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "tools",
    "tool_choice",
    "metadata",
    "thinking",
}
_OWN = {"context_management", "output_config", "output_format", "container", "mcp_servers", "speed", "service_tier"}
_HOSTED = (
    "web_search_",
    "web_fetch_",
    "code_execution_",
    "bash_",
    "text_editor_",
    "memory_",
    "computer_",
    "tool_search_",
)
_TOOL = {"name", "description", "input_schema", "cache_control", "type"}
_OWN_TOOL = {"strict", "input_examples", "defer_loading", "allowed_callers", "eager_input_streaming"}
_CACHED = {"text", "image", "document", "tool_use", "tool_result"}


def problems(target: Target, body: dict[str, Any], *, own: bool, betas: frozenset[str] = CLAUDE_BETAS) -> Iterator[str]:
    """Yield what a server that speaks this format refuses.

    :param own: Claude, which knows more than what is documented for imitators
    :param betas: the betas that the request has
    """
    yield from unknown_fields(
        body, _REQUEST | (_OWN if own else set()) | {"anthropic_version", "anthropic_beta"}, "request"
    )
    if (body.get("max_tokens") or 0) < 1:
        yield "max_tokens is needed"
    if body.get("max_tokens", 0) > target.output:
        yield f"max_tokens {body['max_tokens']} is over the model's limit of {target.output}"
    thinking = body.get("thinking") or {}
    if thinking and thinking.get("type") not in ("enabled", "disabled", "adaptive"):
        yield f"thinking {thinking}"
    if not own and thinking.get("type") == "adaptive":
        yield "thinking.type 'adaptive'"
    if thinking.get("type") == "enabled":
        if own:
            yield "thinking.type 'enabled' is not supported by this model"  # Claude from 4.8 on thinks adaptively
        elif not 1024 <= thinking.get("budget_tokens", 0) < body["max_tokens"]:
            yield f"budget_tokens {thinking.get('budget_tokens')} with max_tokens {body['max_tokens']}"
    yield from _messages(target, body.get("messages") or [], own=own)
    marks = list(_marks(body))
    if len(marks) > 4:
        yield f"{len(marks)} cache_control marks; 4 are the most"
    known = {"type", "ttl", "scope"} if own else {"type"}
    for mark in marks:
        yield from unknown_fields(mark, known, "cache_control")
    yield from _tools(body, own=own)


def _messages(target: Target, messages: list[dict[str, Any]], *, own: bool) -> Iterator[str]:
    if not messages:
        yield "no messages"
    waiting: set[str] = set()
    called: set[str] = set()
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        role = message.get("role")
        yield from unknown_fields(message, {"role", "content"}, where)
        if role == "system" and own and number:
            continue
        if role not in ("user", "assistant"):
            yield f"{where}: role {role!r}: expected user or assistant"
        content = message.get("content")
        if not content:
            yield f"{where}: empty content"
            continue
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        results = {block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"}
        if waiting - results:
            yield f"{where}: tool_use without tool_result: {sorted(waiting - results)}"
        if results - waiting:
            yield f"{where}: tool_result without tool_use: {sorted(map(str, results - waiting))}"
        kinds = [block.get("type") for block in blocks]
        if "tool_result" in kinds and kinds[: len([kind for kind in kinds if kind == "tool_result"])] != [
            kind for kind in kinds if kind == "tool_result"
        ]:
            yield f"{where}: tool_result blocks must come first"
        waiting = {block.get("id", "") for block in blocks if block.get("type") == "tool_use"}
        if waiting & called:
            yield f"{where}: `tool_use` ids must be unique: {sorted(waiting & called)}"
        called |= waiting
        for block in blocks:
            yield from _block(target, block, role == "assistant", where, own=own)
    if waiting:
        yield f"tool_use without tool_result: {sorted(waiting)}"


def _block(target: Target, block: dict[str, Any], assistant: bool, where: str, *, own: bool) -> Iterator[str]:
    kind = block.get("type")
    common = {"type", "cache_control"}
    match kind:
        case "text":
            yield from unknown_fields(block, common | {"text", "citations"}, where)
            if not str(block.get("text") or "").strip():
                yield f"{where}: an empty text"
        case "thinking" | "redacted_thinking" if assistant:
            if "cache_control" in block:
                yield f"{where}: cache_control on thinking"
            if kind == "redacted_thinking":
                if not own:
                    yield f"{where}: redacted_thinking"
                elif block.get("data") != SIGNED:
                    yield f"{where}: redacted_thinking that is not from here"
            elif own and block.get("signature") != SIGNED:
                yield f"{where}: invalid signature in thinking block: {block.get('signature')!r}"
        case "tool_use" if assistant:
            yield from unknown_fields(block, common | {"id", "name", "input"} | ({"caller"} if own else set()), where)
            if not _ID.fullmatch(str(block.get("id"))):
                yield f"{where}: tool_use.id {block.get('id')!r}"
            if not isinstance(block.get("input"), dict):
                yield f"{where}: tool_use.input is no object"
        case "tool_result" if not assistant:
            yield from unknown_fields(block, common | {"tool_use_id", "content", "is_error"}, where)
            content = block.get("content")
            for inner in content if isinstance(content, list) else []:
                yield from _block(target, inner, False, f"{where}.tool_result", own=own)
        case "image" | "document" if not assistant:
            if kind == "image" and not target.sees:
                yield f"{where}: this model takes no images"
            if kind == "document" and not target.reads:
                yield f"{where}: this model takes no documents"
        case "server_tool_use" | "web_search_tool_result" if own and assistant:
            pass
        case "search_result" if own and not assistant:
            pass
        case _:
            yield f"{where}: a block of type {kind!r} in a message of {'assistant' if assistant else 'user'}"


def _marks(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(mark := value.get("cache_control"), dict) and value.get("type") in {*_CACHED, None, "custom"}:
            yield mark
        for name, inner in value.items():
            if name not in ("input", "input_schema"):
                yield from _marks(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _marks(inner)


def _tools(body: dict[str, Any], *, own: bool) -> Iterator[str]:
    tools = body.get("tools")
    if body.get("tool_choice") is not None and not tools:
        yield "tool_choice without tools"
    for tool in tools or []:
        kind = tool.get("type")
        if kind not in (None, "custom"):
            if not own or not str(kind).startswith(_HOSTED):
                yield f"tools: type {kind!r}"
            continue
        yield from unknown_fields(tool, _TOOL | (_OWN_TOOL if own else set()), "tools")
        if not _NAME.fullmatch(str(tool.get("name"))):
            yield f"tools: name {tool.get('name')!r}"
        if (tool.get("input_schema") or {}).get("type") != "object":
            yield f"tools: input_schema of {tool.get('name')!r} is no object"


def events(target: Target, answer: Answer, *, sealed: bool = True) -> list[dict[str, Any]]:
    """Return the events of a streamed answer."""
    usage = _usage(answer) | {"output_tokens": 1}
    found: list[dict[str, Any]] = [
        {"type": "message_start", "message": _message([], usage, None)},
        {"type": "ping"},
    ]
    for index, part in enumerate(answer.parts):
        start, deltas = _streamed(index, part, answer.pieces, sealed=sealed)
        found.append({"type": "content_block_start", "index": index, "content_block": start})
        found += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        found.append({"type": "content_block_stop", "index": index})
    delta: dict[str, Any] = {
        "stop_reason": answer.stop_reason,
        "stop_sequence": "STOP" if answer.stop == "stop_sequence" else None,
        **(_DECLINED if answer.stop == "refusal" else {}),
    }
    found.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": answer.usage.output}})
    return [*found, {"type": "message_stop"}]


def _streamed(index: int, part: object, pieces: str, *, sealed: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    match part:
        case Text(text=text):
            deltas = [{"type": "text_delta", "text": piece} for piece in cut(text, pieces)]
            return {"type": "text", "text": ""}, deltas
        case Thinking(text=text):
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in cut(text, pieces)]
            if sealed:
                deltas.append({"type": "signature_delta", "signature": SIGNED})
            return {"type": "thinking", "thinking": "", "signature": ""}, deltas
        case Redacted():
            return {"type": "redacted_thinking", "data": SIGNED}, []
        case Call(name=name, arguments=arguments):
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in cut(arguments, pieces)]
            return {"type": "tool_use", "id": call_id(part, index), "name": name, "input": {}}, deltas
        case _:
            raise AssertionError(part)


def _message(content: list[dict[str, Any]], usage: dict[str, int], stop: str | None) -> dict[str, Any]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "stub", "content": content}
    return {**message, "stop_reason": stop, "stop_sequence": None, "usage": usage}


def _usage(answer: Answer) -> dict[str, int]:
    usage = answer.usage
    return {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
    }


def whole(answer: Answer, *, sealed: bool = True) -> dict[str, Any]:
    """Return an answer that is not streamed."""
    content = []
    for index, part in enumerate(answer.parts):
        start, deltas = _streamed(index, part, "whole", sealed=sealed)
        for delta in deltas:
            match delta:
                case {"text": text}:
                    start["text"] = text
                case {"thinking": text}:
                    start["thinking"] = text
                case {"signature": text}:
                    start["signature"] = text
                case {"partial_json": text}:
                    start["input"] = json.loads(text or "{}")
                case _:
                    raise AssertionError(delta)
        content.append(start)
    return _message(content, _usage(answer), answer.stop_reason)


class Anthropic:
    """Anthropic's own API."""

    own = True

    def refusals(self, target: Target, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Iterator[str]:
        """Yield why the provider would refuse this request."""
        if not path.partition("?")[0].endswith("/v1/messages"):
            yield f"no such path: {path}"
        if headers.get("x-api-key") != "key-of-the-provider" and (
            headers.get("authorization") != "Bearer key-of-the-provider"
        ):
            yield "wrong key"
        if not headers.get("anthropic-version"):
            yield "no anthropic-version"
        betas = frozenset(filter(None, re.split(r"\s*,\s*", headers.get("anthropic-beta", ""))))
        yield from self._betas(betas)
        yield from problems(target, body, own=self.own, betas=betas)
        if "model" not in body:
            yield "no model"

    def _betas(self, betas: Iterable[str]) -> Iterator[str]:
        for beta in betas:
            if not re.fullmatch(r"[a-z0-9-]+-20\d\d-?\d\d-?\d\d", beta):
                yield f"anthropic-beta: {beta!r}"

    def say(self, target: Target, answer: Answer, path: str, body: dict[str, Any]) -> Reply:
        """Return the answer."""
        if not body.get("stream"):
            return Reply.of(whole(answer, sealed=self.own))
        return stream(events(target, answer, sealed=self.own), answer)

    def fail(self, failure: Failure) -> Reply:
        """Return an error."""
        headers = (("retry-after", failure.retry_after),) if failure.retry_after else ()
        return Reply.of(_error(failure), failure.status, headers=headers)


def stream(found: list[dict[str, Any]], answer: Answer) -> Reply:
    """Return events as a stream, which ends early if the answer has to."""
    failure = answer.failure
    if failure is None or failure.after is None:
        return Reply(sse(found), "text/event-stream")
    begun = found[: failure.after + 2]
    if failure.status == 0:
        return Reply(sse(begun), "text/event-stream", dropped=True)
    return Reply(sse([*begun, _error(failure)]), "text/event-stream")


def _error(failure: Failure) -> dict[str, Any]:
    return {"type": "error", "error": {"type": failure.kind, "message": failure.message}}


class Imitated(Anthropic):
    """Servers that imitate it: no beta of Anthropic's is theirs, and a field that they do not know is an error."""

    own = False

    def _betas(self, betas: Iterable[str]) -> Iterator[str]:
        yield from (f"anthropic-beta: {beta!r}" for beta in betas)


class RawPredict(Anthropic):
    """Claude on Vertex AI."""

    def refusals(self, target: Target, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Iterator[str]:
        """Yield why Vertex AI would refuse this request."""
        if "awPredict" not in path:
            yield f"no such path: {path}"
        if body.get("anthropic_version") != "vertex-2023-10-16":
            yield f"anthropic_version {body.get('anthropic_version')!r}"
        if "model" in body:
            yield "model belongs into the address"
        betas = frozenset(body.get("anthropic_beta") or re.split(r"\s*,\s*", headers.get("anthropic-beta", "")))
        # Of the betas of Claude Code these are unknown there.
        for beta in sorted(betas & {"prompt-caching-scope-2026-01-05", "claude-code-20250219"}):
            yield f"anthropic_beta: {beta!r}"
        for mark in _marks(body):
            if "scope" in mark:
                yield "cache_control.scope"
        yield from problems(target, body, own=True, betas=betas)

"""What has to hold for every exchange: nothing refused, nothing lost on the way there, nothing changed on the way."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from .exchange import Answer, Call, Redacted, Text, Thinking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .client import Received
    from .exchange import Exchange
    from .stub import Reached
    from .target import Target

__all__ = ["judge", "strings"]

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}


def judge(target: Target, exchange: Exchange, received: Received, reached: Sequence[Reached]) -> list[str]:
    """Return everything that is wrong with how an exchange went; nothing if it passed."""
    return [*_there(target, exchange, reached), *_back(target, exchange, received)]


def _there(target: Target, exchange: Exchange, reached: Sequence[Reached]) -> Iterator[str]:
    for request in reached:
        yield from (f"refused: {refusal}" for refusal in request.refusals)
    if exchange.path != "/v1/messages" or exchange.status >= 400:
        return
    if len(reached) != 1 and exchange.answer.failure is None:
        yield f"{len(reached)} requests reached the provider"
    if not reached:
        return
    body = reached[0].body
    if not exchange.plain:
        yield from _lost(target, exchange.request, body)
    yield from exchange.reached(target, body)


def strings(value: object) -> Iterator[str]:
    """Yield every text in a JSON document, also in texts that are JSON themselves."""
    match value:
        case str():
            yield value
            if value[:1] in ("{", "["):
                with contextlib.suppress(ValueError):
                    yield from strings(json.loads(value))
        case dict():
            for name, inner in value.items():
                yield str(name)
                yield from strings(inner)
        case list():
            for inner in value:
                yield from strings(inner)
        case _:
            pass


def _lost(target: Target, request: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[str]:
    there = "\n".join(strings(body))
    for what, text in _sent(target, request):
        if text not in there:
            yield f"lost on the way: {what}: {text[:80]!r}"


def _sent(target: Target, request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a provider has to get of a request, each with what it is."""
    system = request.get("system") or []
    for block in [{"text": system}] if isinstance(system, str) else system:
        if not block["text"].startswith("x-anthropic-billing-header"):
            yield "system", block["text"].strip()
    for message in request["messages"]:
        content = message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            yield from _sent_block(target, block)
    for tool in request.get("tools") or []:
        if tool.get("type", "custom") == "custom" and len(tool["name"]) <= 64:
            yield "tool", tool["name"]
            yield from (("parameter", name) for name in tool["input_schema"].get("properties") or {})


def _sent_block(target: Target, block: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    match block.get("type"):
        case "text":
            yield from (("text", words) for words in _words(block["text"].strip()))
        case "tool_use":
            yield "call", block["name"][:55]
            yield from (("argument", text) for text in strings(block["input"]))
        case "tool_result":
            content = block.get("content") or ""
            for inner in [{"type": "text", "text": content}] if isinstance(content, str) else content:
                yield from _sent_block(target, inner)
        case "image" if target.sees:
            yield "image", block["source"].get("data") or block["source"]["url"]
        case "document" if target.reads:
            yield "document", block["source"].get("data") or block["source"]["url"]


def _words(text: str) -> list[str]:
    """Return a text, or what is in it if it is JSON: some wires make an object of it."""
    return list(strings(text))[1:] or [text]


def _back(target: Target, exchange: Exchange, received: Received) -> Iterator[str]:
    yield from received.problems
    failure = exchange.answer.failure and exchange.answer.failure.at(target)
    if received.status != exchange.status and not received.status >= 500 <= exchange.status:
        said = (received.error or {}).get("message") or received.body
        yield f"status {received.status} instead of {exchange.status}: {str(said)[:300]}"
        return
    if exchange.status >= 400:
        wanted = _ERRORS[received.status]
        if (received.error or {}).get("type") != wanted:
            yield f"an error of type {(received.error or {}).get('type')!r} instead of {wanted!r}"
        if failure is not None and failure.message not in str((received.error or {}).get("message")):
            yield f"the provider's words are lost: {str((received.error or {}).get('message'))[:200]}"
    elif failure is not None:
        if received.error is None:
            yield "the answer broke off, and the client was not told"
        elif not isinstance(received.error.get("type"), str):
            yield f"an error event of another format: {received.error}"
    elif not exchange.leaves_after and not exchange.plain and exchange.path == "/v1/messages":
        yield from _said(target, exchange.answer, received)
    yield from exchange.received(target, {"content": received.content, "body": received.body, "received": received})


def _said(target: Target, answer: Answer, received: Received) -> Iterator[str]:
    wanted = list(_blocks(target, answer))
    given = [_comparable(block) for block in received.content]
    if not wanted:  # some translations have an empty text for it
        given = [block for block in given if block != {"type": "text", "text": ""}]
    if given != wanted:
        yield f"the answer is {json.dumps(given)[:400]} instead of {json.dumps(wanted)[:400]}"
    ids = [block.get("id") for block in received.content if block.get("type") == "tool_use"]
    if not all(ids) or len(set(ids)) != len(ids):
        yield f"ids of calls: {ids}"
    if received.stop_reason != answer.stop_reason and not _cannot_say(target, answer.stop_reason):
        yield f"stop_reason {received.stop_reason!r} instead of {answer.stop_reason!r}"
    yield from _counted(target, answer, received.usage)


def _cannot_say(target: Target, stop: str) -> bool:
    """Whether a wire has no word for a reason: only Anthropic's and Bedrock's tell a stop sequence from an end."""
    if stop == "stop_sequence":
        return target.wire not in ("anthropic", "imitated", "invoke", "raw-predict", "converse")
    return stop == "refusal" and target.wire == "ollama"


def _blocks(target: Target, answer: Answer) -> Iterator[dict[str, Any]]:
    """Yield what the client must get. Thinking and text that a wire joins are joined."""
    for part in answer.parts:
        match part:
            case Text(text=text) if text:
                yield {"type": "text", "text": text}
            case Thinking(text=text) if text and target.thinks:
                yield {"type": "thinking", "thinking": text}
            case Redacted() if target.wire in ("anthropic", "imitated", "invoke", "raw-predict", "responses"):
                yield {"type": "redacted_thinking"}
            case Call(name=name, arguments=arguments):
                yield {"type": "tool_use", "name": name, "input": json.loads(arguments or "{}")}
            case _:
                pass


def _comparable(block: Mapping[str, Any]) -> dict[str, Any]:
    fields = {"text": ("text",), "thinking": ("thinking",), "tool_use": ("name", "input")}
    kind = str(block.get("type"))
    return {"type": kind, **{name: block.get(name) for name in fields.get(kind, ())}}


def _counted(target: Target, answer: Answer, usage: Mapping[str, Any]) -> Iterator[str]:
    wanted = answer.usage
    if usage.get("output_tokens") != wanted.output:
        yield f"output_tokens {usage.get('output_tokens')} instead of {wanted.output}"
    reads = target.wire != "ollama"
    written = target.wire in ("anthropic", "imitated", "invoke", "raw-predict", "converse")
    read = wanted.cache_read if reads else 0
    write = wanted.cache_write if written else 0
    fresh = wanted.input + (0 if written else wanted.cache_write if target.wire in ("chat", "azure") else 0)
    if usage.get("input_tokens") != fresh:
        yield f"input_tokens {usage.get('input_tokens')} instead of {fresh}"
    if (usage.get("cache_read_input_tokens") or 0) != read:
        yield f"cache_read_input_tokens {usage.get('cache_read_input_tokens')} instead of {read}"
    if (usage.get("cache_creation_input_tokens") or 0) != write:
        yield f"cache_creation_input_tokens {usage.get('cache_creation_input_tokens')} instead of {write}"

"""OpenAI's responses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Failure, Redacted, Text, Thinking

from .reply import NAME, Reply, call_id, cut, sse, unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conformance.target import Target

__all__ = ["Responses"]

SEALED = "gAAAAAsealed"  # encrypted reasoning: it has to come back as it was
_REQUEST = {
    "model",
    "input",
    "instructions",
    "stream",
    "max_output_tokens",
    "temperature",
    "top_p",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "text",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "store",
    "include",
    "metadata",
    "truncation",
    "context_management",
    "service_tier",
}
_MOST_TOOLS = 128
_TOOL = {"type", "name", "description", "parameters", "strict"}


class Responses:
    """`/responses`."""

    def refusals(self, target: Target, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Iterator[str]:
        """Yield why OpenAI would refuse this request."""
        if not path.endswith("/responses"):
            yield f"no such path: {path}"
        yield from unknown_fields(body, _REQUEST, "request")
        asked = body.get("max_output_tokens")
        if asked is not None and not 16 <= asked <= target.output:
            yield f"max_output_tokens {asked} is not between 16 and {target.output}"
        reasoning = body.get("reasoning") or {}
        yield from unknown_fields(reasoning, {"effort", "summary"}, "reasoning")
        if (effort := reasoning.get("effort")) is not None and effort not in target.efforts:
            yield f"reasoning.effort {effort!r}: it takes {', '.join(target.efforts)}"
        if len(str(body.get("user") or "")) > 64:
            yield "user is longer than 64 characters"
        yield from self._input(body.get("input"))
        if len(body.get("tools") or []) > _MOST_TOOLS:
            yield f"{len(body['tools'])} tools; {_MOST_TOOLS} are the most"
        for tool in body.get("tools") or []:
            if tool.get("type") == "function":
                yield from unknown_fields(tool, _TOOL, "tools")
                if not NAME.fullmatch(tool.get("name") or ""):
                    yield f"tools: name {tool.get('name')!r}"
                if "properties" not in (tool.get("parameters") or {}):
                    yield "tools: object schema missing properties"
            elif tool.get("type") not in ("web_search", "web_search_preview"):
                yield f"tools: type {tool.get('type')!r}"

    def _input(self, items: Any) -> Iterator[str]:
        if isinstance(items, str):
            return
        waiting: set[str] = set()
        for number, item in enumerate(items or []):
            where = f"input[{number}]"
            match item.get("type", "message"):
                case "message":
                    kinds = {"assistant": {"output_text", "refusal"}}.get(
                        item.get("role"), {"input_text", "input_image", "input_file"}
                    )
                    content = item.get("content")
                    if not content:
                        yield f"{where}: empty content"
                    for part in content if isinstance(content, list) else []:
                        if part.get("type") not in kinds:
                            yield f"{where}: a part of type {part.get('type')!r}"
                        yield from unknown_fields(
                            part, {"type", "text", "image_url", "file_data", "filename", "file_url", "detail"}, where
                        )
                case "function_call":
                    if len(item.get("call_id") or "") > 64:
                        yield f"{where}: a call_id of {len(item['call_id'])} characters"
                    waiting.add(item.get("call_id", ""))
                    if not NAME.fullmatch(item.get("name") or ""):
                        yield f"{where}: name {item.get('name')!r}"
                    if not isinstance(json.loads(item.get("arguments") or "null"), dict):
                        yield f"{where}: arguments {item.get('arguments')!r}"
                case "function_call_output":
                    if item.get("call_id") not in waiting:
                        yield f"{where}: no call {item.get('call_id')!r}"
                    waiting.discard(item.get("call_id", ""))
                case "reasoning":
                    if item.get("encrypted_content") != SEALED:
                        yield f"{where}: reasoning that is not from here"
                case kind:
                    yield f"{where}: an item of type {kind!r}"
        if waiting:
            yield f"calls without output: {sorted(waiting)}"

    def say(self, target: Target, answer: Answer, path: str, body: dict[str, Any]) -> Reply:
        """Return the answer."""
        if not body.get("stream"):
            return Reply.of(_response(answer, [_item(part, at) for at, part in enumerate(answer.parts)]))
        found = list(_events(answer))
        failure = answer.failure
        if failure is not None and failure.after is not None:
            begun = found[: failure.after + 1]
            if failure.status == 0:
                return Reply(sse(begun), "text/event-stream", dropped=True)
            error = {"type": "error", "code": failure.kind, "message": failure.message, "sequence_number": 99}
            return Reply(sse([*begun, {**error, "param": None}]), "text/event-stream")
        return Reply(sse(found), "text/event-stream")

    def fail(self, failure: Failure) -> Reply:
        """Return an error."""
        headers = (("retry-after", failure.retry_after),) if failure.retry_after else ()
        error = {"message": failure.message, "type": failure.kind, "code": failure.kind}
        return Reply.of({"error": error}, failure.status, headers=headers)


def _item(part: object, index: int, status: str = "completed") -> dict[str, Any]:
    match part:
        case Text(text=text):
            content = [{"type": "output_text", "text": text, "annotations": []}]
            message = {"id": f"msg_{index}", "type": "message", "role": "assistant", "status": status}
            return {**message, "content": content if status == "completed" else []}
        case Thinking(text=text):
            summary = [{"type": "summary_text", "text": text}] if text else []
            return {"id": f"rs_{index}", "type": "reasoning", "summary": summary, "encrypted_content": SEALED}
        case Redacted():
            return {"id": f"rs_{index}", "type": "reasoning", "summary": [], "encrypted_content": SEALED}
        case Call(name=name, arguments=arguments):
            call = {"id": f"fc_{index}", "type": "function_call", "call_id": call_id(part, index), "name": name}
            return {**call, "arguments": (arguments or "{}") if status == "completed" else "", "status": status}
        case _:
            raise AssertionError(part)


def _response(answer: Answer, output: list[dict[str, Any]], status: str = "") -> dict[str, Any]:
    usage = answer.usage
    read = {"cached_tokens": usage.cache_read}
    counts = {
        "input_tokens": usage.input + usage.cache_read,
        "input_tokens_details": read,
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.input + usage.cache_read + usage.output,
    }
    incomplete = {"max_tokens": "max_output_tokens", "refusal": "content_filter"}.get(answer.stop_reason)
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status or ("incomplete" if incomplete else "completed"),
        "incomplete_details": {"reason": incomplete} if incomplete and not status else None,
        "error": None,
        "model": "stub",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": counts if not status else None,
    }


def _events(answer: Answer) -> Iterator[dict[str, Any]]:
    number = iter(range(1_000_000))
    output = [_item(part, at) for at, part in enumerate(answer.parts)]

    def event(kind: str, **fields: Any) -> dict[str, Any]:
        return {"type": f"response.{kind}", "sequence_number": next(number), **fields}

    yield event("created", response=_response(answer, [], "in_progress"))
    for at, part in enumerate(answer.parts):
        yield event("output_item.added", output_index=at, item=_item(part, at, "in_progress"))
        place = {"item_id": output[at]["id"], "output_index": at}
        match part:
            case Text(text=text):
                place["content_index"] = 0
                for piece in cut(text, answer.pieces):
                    yield event("output_text.delta", **place, delta=piece, logprobs=[])
                yield event("output_text.done", **place, text=text, logprobs=[])
            case Thinking(text=text) if text:
                place["summary_index"] = 0
                yield event("reasoning_summary_part.added", **place, part={"type": "summary_text", "text": ""})
                for piece in cut(text, answer.pieces):
                    yield event("reasoning_summary_text.delta", **place, delta=piece)
                yield event("reasoning_summary_text.done", **place, text=text)
            case Call(arguments=arguments):
                for piece in cut(arguments or "{}", answer.pieces):  # OpenAI leaves them out nowhere
                    yield event("function_call_arguments.delta", **place, delta=piece)
                yield event("function_call_arguments.done", **place, arguments=arguments or "{}", name=part.name)
            case _:
                pass
        yield event("output_item.done", output_index=at, item=output[at])
    final = _response(answer, output)
    yield event("incomplete" if final["status"] == "incomplete" else "completed", response=final)

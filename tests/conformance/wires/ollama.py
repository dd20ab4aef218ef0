"""Ollama's own API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Failure, Text, Thinking

from .chat import approximate_tokens
from .reply import Reply, cut, unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conformance.target import Target

__all__ = ["SHOWN", "Ollama"]

# What `/api/show` says of the two models.
SHOWN: dict[str, dict[str, Any]] = {
    "coder": {"capabilities": ["completion", "tools"], "model_info": {"qwen3moe.context_length": 262_144}},
    "thinker": {
        "capabilities": ["completion", "tools", "thinking", "vision"],
        "model_info": {"qwen3.context_length": 131_072},
    },
}
_REQUEST = {"model", "messages", "tools", "format", "options", "stream", "keep_alive", "think"}
_MESSAGE = {"role", "content", "images", "tool_calls", "tool_name", "tool_call_id", "thinking"}


class Ollama:
    """`/api/chat`."""

    def refusals(self, target: Target, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Iterator[str]:
        """Yield why Ollama would refuse this request, or get it wrong without saying so."""
        if not path.endswith("/api/chat"):
            yield f"no such path: {path}"
        yield from unknown_fields(body, _REQUEST, "request")
        shown = SHOWN.get(body.get("model", ""), {"capabilities": [], "model_info": {"none": 0}})
        if body.get("think") not in (None, False) and "thinking" not in shown["capabilities"]:
            yield f"{body['model']!r} does not support thinking"
        options = body.get("options") or {}
        window = options.get("num_ctx", 4096)
        if approximate_tokens(body.get("messages")) + approximate_tokens(body.get("tools")) > window:
            yield f"the prompt does not fit into num_ctx {window}, and its beginning would be cut off silently"
        if window > max(shown["model_info"].values()):
            yield f"num_ctx {window} is over the model's context"
        called = False
        for number, message in enumerate(body.get("messages") or []):
            where = f"messages[{number}]"
            yield from unknown_fields(message, _MESSAGE, where)
            if message.get("role") not in ("system", "user", "assistant", "tool"):
                yield f"{where}: role {message.get('role')!r}"
            if not isinstance(message.get("content", ""), str):
                yield f"{where}: content is no text"
            if message.get("images") and not target.sees:
                yield f"{where}: this model takes no images"
            for call in message.get("tool_calls") or []:
                called = True
                if not isinstance(call["function"].get("arguments"), dict):
                    yield f"{where}: arguments are no object"
            if message.get("role") == "tool" and not called:
                yield f"{where}: a result of no call"
        for tool in body.get("tools") or []:
            if tool.get("type") != "function":
                yield f"tools: type {tool.get('type')!r}"

    def say(self, target: Target, answer: Answer, path: str, body: dict[str, Any]) -> Reply:
        """Return the answer."""
        stop = "length" if answer.stop_reason == "max_tokens" else "stop"
        counts = {"prompt_eval_count": answer.usage.input, "eval_count": answer.usage.output}
        end = {"done": True, "done_reason": stop, **counts}
        calls = [
            {"function": {"name": call.name, "arguments": json.loads(call.arguments or "{}")}} for call in answer.calls
        ]
        if not body.get("stream"):
            message: dict[str, Any] = {
                "role": "assistant",
                "content": "".join(part.text for part in answer.parts if isinstance(part, Text)),
            }
            if calls:
                message["tool_calls"] = calls
            return Reply.of({"model": "stub", "message": message, **end})
        rows: list[dict[str, Any]] = []
        for part in answer.parts:
            match part:
                case Thinking(text=text) if target.thinks:
                    rows += [{"content": "", "thinking": piece} for piece in cut(text, answer.pieces)]
                case Text(text=text):
                    rows += [{"content": piece} for piece in cut(text, answer.pieces)]
                case _:
                    pass
        if calls:
            rows.append({"content": "", "tool_calls": calls})
        lines: list[dict[str, Any]] = [
            {"model": "stub", "message": {"role": "assistant", **row}, "done": False} for row in rows
        ]
        failure = answer.failure
        kind = "application/x-ndjson"
        if failure is not None and failure.after is not None:
            begun = [json.dumps(line).encode() + b"\n" for line in lines[: failure.after]]
            if failure.status == 0:
                return Reply(tuple(begun), kind, dropped=True)
            return Reply((*begun, json.dumps({"error": failure.message}).encode() + b"\n"), kind)
        lines.append({"model": "stub", "message": {"role": "assistant", "content": ""}, **end})
        return Reply(tuple(json.dumps(line).encode() + b"\n" for line in lines), kind)

    def fail(self, failure: Failure) -> Reply:
        """Return an error."""
        return Reply.of({"error": failure.message}, failure.status)

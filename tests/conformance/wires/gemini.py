"""Gemini: AI Studio and Vertex AI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Failure, Text, Thinking

from .reply import Reply, cut, sse, unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conformance.target import Target

__all__ = ["Gemini"]

SEAL = "dGhvdWdodCBzaWduYXR1cmU="  # of a thought; it has to come back with the call that it belongs to
_NO_SEAL = "skip_thought_signature_validator"  # documented: for calls that another model made
_REQUEST = {
    "contents",
    "systemInstruction",
    "system_instruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
    "labels",
    "model",
}
_PART = {
    "text",
    "inlineData",
    "inline_data",
    "fileData",
    "functionCall",
    "functionResponse",
    "thought",
    "thoughtSignature",
}
# What `parameters` takes of a JSON Schema; `parametersJsonSchema` takes all of it.
_SCHEMA = {
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "items",
    "minimum",
    "maximum",
}
_FINISH = {"max_tokens": "MAX_TOKENS", "refusal": "SAFETY"}


class Gemini:
    """`generateContent` and `streamGenerateContent`."""

    def refusals(self, target: Target, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Iterator[str]:
        """Yield why Gemini would refuse this request."""
        if "enerateContent" not in path:
            yield f"no such path: {path}"
        yield from unknown_fields(body, _REQUEST, "request")
        config = body.get("generationConfig") or {}
        asked = config.get("max_output_tokens") or config.get("maxOutputTokens") or 0
        if asked > target.output:
            yield f"maxOutputTokens {asked} is over the model's limit of {target.output}"
        thinking = config.get("thinkingConfig") or {}
        if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
            yield "thinkingBudget and thinkingLevel at once"
        if thinking.get("thinkingLevel") not in (None, "minimal", "low", "medium", "high"):
            yield f"thinkingLevel {thinking['thinkingLevel']!r}"
        yield from self._contents(body.get("contents") or [])
        for tool in body.get("tools") or []:
            for function in tool.get("function_declarations") or tool.get("functionDeclarations") or []:
                if "parameters" in function:
                    yield from _schema(function["parameters"], f"tools.{function.get('name')}")

    def _contents(self, contents: list[dict[str, Any]]) -> Iterator[str]:
        if not contents:
            yield "no contents"
        calls = 0
        turn = max((n for n, entry in enumerate(contents) if _is_said(entry)), default=0)  # where the user last spoke
        for number, entry in enumerate(contents):
            where = f"contents[{number}]"
            if entry.get("role") not in ("user", "model"):
                yield f"{where}: role {entry.get('role')!r}"
            parts = entry.get("parts") or []
            if not parts:
                yield f"{where}: no parts"
            results = sum("functionResponse" in part or "function_response" in part for part in parts)
            if results != calls:
                yield f"{where}: {results} function responses for {calls} calls"
            called = [part for part in parts if "functionCall" in part or "function_call" in part]
            calls = len(called)
            if number > turn and called and called[0].get("thoughtSignature") is None:
                yield f"{where}: a function call without a thought signature"
            for part in parts:
                yield from unknown_fields(
                    part, _PART | {"function_call", "function_response", "mediaResolution"}, where
                )
                if part.get("text") == "" and len(part) == 1:
                    yield f"{where}: an empty text"
                seal = part.get("thoughtSignature")
                if seal not in (None, SEAL, _NO_SEAL) and seal != _encoded(_NO_SEAL):
                    yield f"{where}: a thought signature that is not from here: {str(seal)[:40]!r}"
        if calls:
            yield f"{calls} calls without responses"

    def say(self, target: Target, answer: Answer, path: str, body: dict[str, Any]) -> Reply:
        """Return the answer."""
        finish = _FINISH.get(answer.stop_reason, "STOP")
        usage = answer.usage
        counts = {
            "promptTokenCount": usage.input + usage.cache_read,
            "candidatesTokenCount": usage.output,
            "totalTokenCount": usage.input + usage.cache_read + usage.output,
        }
        if usage.cache_read:
            counts["cachedContentTokenCount"] = usage.cache_read
        if "stream" not in path:
            parts = [part for group in _parts(answer, "whole") for part in group]
            return Reply.of({"candidates": [_candidate(parts, finish)], "usageMetadata": counts})
        groups = list(_parts(answer, answer.pieces))
        rows: list[dict[str, Any]] = [{"candidates": [_candidate(group, None)]} for group in groups[:-1]]
        rows.append({"candidates": [_candidate(groups[-1], finish)], "usageMetadata": counts})
        failure = answer.failure
        if failure is not None and failure.after is not None:
            begun = [json.dumps(row) for row in rows[: failure.after]]
            if failure.status == 0:
                return Reply(sse(begun), "text/event-stream", dropped=True)
            return Reply(sse([*begun, json.dumps(_error(failure))]), "text/event-stream")
        return Reply(sse(map(json.dumps, rows)), "text/event-stream")

    def fail(self, failure: Failure) -> Reply:
        """Return an error."""
        return Reply.of(_error(failure), failure.status)


def _encoded(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()


def _is_said(entry: dict[str, Any]) -> bool:
    parts = entry.get("parts") or []
    return entry.get("role") == "user" and not any("functionResponse" in p or "function_response" in p for p in parts)


def _error(failure: Failure) -> dict[str, Any]:
    return {"error": {"code": failure.status, "message": failure.message, "status": failure.kind.upper()}}


def _candidate(parts: list[dict[str, Any]], finish: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    return found | ({"finishReason": finish} if finish else {})


def _parts(answer: Answer, pieces: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the parts of each chunk. A call is never cut, and parallel calls come in one chunk, as Gemini does it."""
    groups: list[list[dict[str, Any]]] = []
    calls: list[dict[str, Any]] = []
    for part in answer.parts:
        match part:
            case Thinking(text=text):
                groups += [[{"text": piece, "thought": True}] for piece in cut(text, pieces)]
            case Text(text=text):
                groups += [[{"text": piece}] for piece in cut(text, pieces)]
            case Call(name=name, arguments=arguments):
                call: dict[str, Any] = {"functionCall": {"name": name, "args": json.loads(arguments or "{}")}}
                calls.append(call if calls else {**call, "thoughtSignature": SEAL})
            case _:
                pass
    if calls:
        groups.append(calls)
    if pieces == "together":
        groups = [[part for group in groups for part in group]]
    yield from groups or [[]]


def _schema(schema: Any, where: str) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    yield from unknown_fields(schema, _SCHEMA, where)
    for name, inner in (schema.get("properties") or {}).items():
        yield from _schema(inner, f"{where}.{name}")
    yield from _schema(schema.get("items"), f"{where}[]")
    for inner in schema.get("anyOf") or []:
        yield from _schema(inner, where)

"""Amazon Bedrock: Converse, and Claude's own format by Invoke; both in AWS's event stream."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Failure, Text

from .anthropic import events, problems, whole
from .reply import NAME, Reply, call_id, cut, unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conformance.target import Target

__all__ = ["Converse", "Invoke"]

_KIND = "application/vnd.amazon.eventstream"
_STOP = {"refusal": "content_filtered"}


def _event(kind: str, payload: dict[str, Any], *, exception: bool = False) -> bytes:
    """Encode a message of AWS's event stream: lengths, headers, payload, checksums."""
    data = json.dumps(payload).encode()
    named = {":exception-type": kind} if exception else {":event-type": kind}
    named |= {":content-type": "application/json", ":message-type": "exception" if exception else "event"}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for name, value in named.items()
    )
    prelude = struct.pack("!II", len(headers) + len(data) + 16, len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + data
    return message + struct.pack("!I", zlib.crc32(message))


def _stream(frames: list[bytes], failure: Failure | None) -> Reply:
    if failure is None or failure.after is None:
        return Reply(tuple(frames), _KIND)
    begun = frames[: failure.after + 1]
    if failure.status == 0:
        return Reply(tuple(begun), _KIND, dropped=True)
    broken = _event("throttlingException", {"message": failure.message}, exception=True)
    return Reply((*begun, broken), _KIND)


class _Bedrock:
    def fail(self, failure: Failure) -> Reply:
        """Return an error."""
        return Reply.of({"message": failure.message}, failure.status)


class Invoke(_Bedrock):
    """Claude, in its own format."""

    def refusals(self, target: Target, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Iterator[str]:
        """Yield why Bedrock would refuse this request."""
        if "/invoke" not in path:
            yield f"no such path: {path}"
        if body.get("anthropic_version") != "bedrock-2023-05-31":
            yield f"anthropic_version {body.get('anthropic_version')!r}"
        yield from (f"{name} belongs into the address" for name in ("model", "stream") if name in body)
        betas = frozenset(body.get("anthropic_beta") or ())
        for beta in sorted(betas & {"prompt-caching-scope-2026-01-05", "claude-code-20250219"}):
            yield f"anthropic_beta: {beta!r}"
        if any("strict" in tool for tool in body.get("tools") or []):
            yield "tools: strict"
        if '"scope"' in json.dumps(body.get("system")) + json.dumps(body.get("messages")):
            yield "cache_control.scope"
        yield from problems(target, body, own=True, betas=betas)

    def say(self, target: Target, answer: Answer, path: str, body: dict[str, Any]) -> Reply:
        """Return the answer."""
        if "with-response-stream" not in path:
            return Reply.of(whole(answer))
        frames = [
            _event("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()})
            for event in events(target, answer)
        ]
        return _stream(frames, answer.failure)


class Converse(_Bedrock):
    """Any model, in Bedrock's own format."""

    def refusals(self, target: Target, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Iterator[str]:
        """Yield why Bedrock would refuse this request."""
        if "/converse" not in path:
            yield f"no such path: {path}"
        known = {
            "messages",
            "system",
            "inferenceConfig",
            "toolConfig",
            "additionalModelRequestFields",
            "requestMetadata",
        }
        yield from unknown_fields(body, known, "request")
        config = body.get("inferenceConfig") or {}
        yield from unknown_fields(config, {"maxTokens", "temperature", "topP", "stopSequences"}, "inferenceConfig")
        if config.get("maxTokens", 0) > target.output:
            yield f"maxTokens {config['maxTokens']} is over the model's limit of {target.output}"
        more = body.get("additionalModelRequestFields") or {}
        yield from unknown_fields(more, {"inferenceConfig", "top_k"}, "additionalModelRequestFields")
        yield from self._messages(body.get("messages") or [])
        calls = '"toolUse"' in json.dumps(body.get("messages"))
        tools = (body.get("toolConfig") or {}).get("tools")
        if calls and not tools:
            yield "toolConfig is needed where messages have toolUse"
        for tool in tools or []:
            spec = tool.get("toolSpec")
            if spec is None:
                if "cachePoint" not in tool:
                    yield f"tools: {sorted(tool)}"
                continue
            yield from unknown_fields(spec, {"name", "description", "inputSchema"}, "toolSpec")
            if not NAME.fullmatch(spec.get("name") or ""):
                yield f"toolSpec: name {spec.get('name')!r}"

    def _messages(self, messages: list[dict[str, Any]]) -> Iterator[str]:
        waiting: set[str] = set()
        before = "assistant"
        for number, message in enumerate(messages):
            where = f"messages[{number}]"
            role = message.get("role")
            if role not in ("user", "assistant") or role == before:
                yield f"{where}: role {role!r} after {before!r}"
            before = str(role)
            content = message.get("content") or []
            if not content:
                yield f"{where}: empty content"
            results = {block["toolResult"].get("toolUseId") for block in content if "toolResult" in block}
            if results != waiting:
                yield f"{where}: results {sorted(map(str, results))} for calls {sorted(waiting)}"
            waiting = {block["toolUse"].get("toolUseId", "") for block in content if "toolUse" in block}
            for called in waiting:
                if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", called):
                    yield f"{where}: toolUseId {called!r}"
            for block in content:
                yield from unknown_fields(
                    block, {"text", "image", "document", "toolUse", "toolResult", "cachePoint"}, where
                )
                if "text" in block and not block["text"].strip():
                    yield f"{where}: an empty text"
        if waiting:
            yield f"calls without results: {sorted(waiting)}"
        if before == "assistant":
            yield "the conversation must end with a user message"

    def say(self, target: Target, answer: Answer, path: str, body: dict[str, Any]) -> Reply:
        """Return the answer."""
        usage = {
            "inputTokens": answer.usage.input,
            "outputTokens": answer.usage.output,
            "totalTokens": answer.usage.input + answer.usage.output,
            "cacheReadInputTokens": answer.usage.cache_read,
            "cacheWriteInputTokens": answer.usage.cache_write,
        }
        stop = _STOP.get(answer.stop_reason, answer.stop_reason)
        if not path.endswith("converse-stream"):
            message = {"role": "assistant", "content": [_block(part, at) for at, part in _parts(answer)]}
            whole = {"output": {"message": message}, "stopReason": stop, "usage": usage, "metrics": {"latencyMs": 1}}
            return Reply.of(whole)
        frames = [_event("messageStart", {"role": "assistant"})]
        for index, part in enumerate(answer.parts):
            match part:
                case Call(name=name, arguments=arguments):
                    start = {"toolUse": {"toolUseId": call_id(part, index), "name": name}}
                    frames.append(_event("contentBlockStart", {"start": start, "contentBlockIndex": index}))
                    deltas: list[dict[str, Any]] = [
                        {"toolUse": {"input": piece}} for piece in cut(arguments, answer.pieces)
                    ]
                case Text(text=text):
                    deltas = [{"text": piece} for piece in cut(text, answer.pieces)]
                case _:
                    continue
            frames += [_event("contentBlockDelta", {"delta": delta, "contentBlockIndex": index}) for delta in deltas]
            frames.append(_event("contentBlockStop", {"contentBlockIndex": index}))
        frames.append(_event("messageStop", {"stopReason": stop}))
        frames.append(_event("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}))
        return _stream(frames, answer.failure)


def _parts(answer: Answer) -> list[tuple[int, Text | Call]]:
    return [(at, part) for at, part in enumerate(answer.parts) if isinstance(part, Text | Call)]


def _block(part: object, index: int) -> dict[str, Any]:
    match part:
        case Call(name=name, arguments=arguments):
            used = {"toolUseId": call_id(part, index), "name": name, "input": json.loads(arguments or "{}")}
            return {"toolUse": used}
        case Text(text=text):
            return {"text": text}
        case _:
            raise AssertionError(part)

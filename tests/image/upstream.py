"""A model provider for tests: records what reaches it, and answers in each wire format that LiteLLM speaks."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.serving import Handler, Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ANSWER", "Recorded", "Upstream"]

ANSWER = "Hello from upstream"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as the provider got it."""

    path: str
    headers: dict[str, str]  # names in lower case
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """The body as JSON."""
        return json.dumps(self.body)


@dataclass
class Upstream(Served):
    """The server; a context manager. ``address`` is what to listen on."""

    address: str = "127.0.0.1"
    certificate: Path | None = None
    requests: list[Recorded] = field(default_factory=list)

    def handler(self) -> type[Handler]:
        """Return what answers as a provider does, and keeps what it was asked."""
        upstream = self

        class Answers(_Handler):
            server_upstream = upstream

        return Answers

    def take(self) -> list[Recorded]:
        """Return what came since the last call."""
        taken, self.requests[:] = list(self.requests), []
        return taken


class _Handler(Handler):
    server_upstream: Upstream
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, json.dumps({"data": [], "models": []}).encode(), _JSON)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/token":  # of Google's, for Vertex AI
            self.answer(
                200, json.dumps({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}).encode(), _JSON
            )
            return
        body = json.loads(raw or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server_upstream.requests.append(Recorded(self.path, headers, body))
        path = self.path.partition("?")[0]
        if path.endswith("/converse-stream"):
            self.answer(200, b"".join(_converse_events()), "application/vnd.amazon.eventstream")
        elif path.endswith("/invoke-with-response-stream"):
            self.answer(200, b"".join(_invoke_events()), "application/vnd.amazon.eventstream")
        elif path.endswith("/api/chat"):
            lines = [json.dumps(row).encode() + b"\n" for row in _ollama(stream=bool(body.get("stream")))]
            self.answer(200, b"".join(lines), "application/x-ndjson")
        elif "streamGenerateContent" in path or "streamRawPredict" in path or body.get("stream"):
            self.answer(200, b"".join(_sse(path)), "text/event-stream")
        else:
            self.answer(200, json.dumps(_whole(path)).encode(), _JSON)


_ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "stub",
    "content": [{"type": "text", "text": ANSWER}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 3},
}
_GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": ANSWER}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8},
}
_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "stub",
    "output": [
        {
            "id": "item_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": ANSWER, "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8},
}


def _chat(**choice: Any) -> dict[str, Any]:
    kind = "chat.completion.chunk" if "delta" in choice else "chat.completion"
    return {"id": "c1", "object": kind, "created": 1, "model": "stub", "choices": [{"index": 0, **choice}]}


def _whole(path: str) -> dict[str, Any]:
    if path.endswith("/converse"):
        message = {"role": "assistant", "content": [{"text": ANSWER}]}
        usage = {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}
        return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}
    if path.endswith(("/messages", "/invoke")) or "rawPredict" in path:
        return _ANTHROPIC
    if path.endswith("/responses"):
        return _RESPONSE
    if "generateContent" in path:
        return _GEMINI
    done = _chat(finish_reason="stop", message={"role": "assistant", "content": ANSWER})
    return {**done, "service_tier": "default", "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}}


def _anthropic_events() -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": {**_ANTHROPIC, "content": [], "stop_reason": None}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for word in ANSWER.split(" "):
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"{word} "}}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}
    yield {"type": "message_stop"}


def _responses_events() -> Iterator[dict[str, Any]]:
    item = {"id": "item_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    place = {"item_id": "item_1", "output_index": 0, "content_index": 0}
    yield {"type": "response.created", "response": {**_RESPONSE, "status": "in_progress", "output": []}}
    yield {"type": "response.output_item.added", "output_index": 0, "item": item}
    for word in ANSWER.split(" "):
        yield {"type": "response.output_text.delta", **place, "delta": f"{word} "}
    yield {"type": "response.output_text.done", **place, "text": ANSWER}
    yield {"type": "response.output_item.done", "output_index": 0, "item": {**item, "status": "completed"}}
    yield {"type": "response.completed", "response": _RESPONSE}


def _sse(path: str) -> Iterator[bytes]:
    if path.endswith("/messages") or "streamRawPredict" in path:
        for event in _anthropic_events():
            yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
    elif path.endswith("/responses"):
        for number, event in enumerate(_responses_events()):
            data = json.dumps({**event, "sequence_number": number})
            yield f"event: {event['type']}\ndata: {data}\n\n".encode()
    elif "treamGenerateContent" in path:
        yield f"data: {json.dumps(_GEMINI)}\n\n".encode()
    else:
        for word in ANSWER.split(" "):
            row = _chat(delta={"role": "assistant", "content": f"{word} "}, finish_reason=None)
            yield f"data: {json.dumps(row)}\n\n".encode()
        yield f"data: {json.dumps(_chat(delta={}, finish_reason='stop'))}\n\n".encode()
        yield b"data: [DONE]\n\n"


def _ollama(*, stream: bool) -> Iterator[dict[str, Any]]:
    words = [f"{word} " for word in ANSWER.split(" ")] if stream else [ANSWER]
    for word in words:
        yield {"model": "stub", "message": {"role": "assistant", "content": word}, "done": not stream}
    if stream:
        counts = {"prompt_eval_count": 5, "eval_count": 3}
        yield {"model": "stub", "message": {"role": "assistant", "content": ""}, "done": True, **counts}


def _aws_event(kind: str, payload: dict[str, Any]) -> bytes:
    """Encode a message of AWS's event stream: lengths, headers, payload, checksums."""
    data = json.dumps(payload).encode()
    names = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for name, value in names.items()
    )
    prelude = struct.pack("!II", len(headers) + len(data) + 16, len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + data
    return message + struct.pack("!I", zlib.crc32(message))


def _converse_events() -> Iterator[bytes]:
    yield _aws_event("messageStart", {"role": "assistant"})
    for word in ANSWER.split(" "):
        yield _aws_event("contentBlockDelta", {"delta": {"text": f"{word} "}, "contentBlockIndex": 0})
    yield _aws_event("contentBlockStop", {"contentBlockIndex": 0})
    yield _aws_event("messageStop", {"stopReason": "end_turn"})
    yield _aws_event("metadata", {"usage": {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}})


def _invoke_events() -> Iterator[bytes]:
    import base64

    for event in _anthropic_events():
        yield _aws_event("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()})

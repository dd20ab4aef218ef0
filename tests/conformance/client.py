"""Claude Code's side: sends a request, and reads what comes back as strictly as its SDK does, or more so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from .exchange import LOGIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from .exchange import Exchange

__all__ = ["HEADERS", "Received", "exchange_with"]

# As Claude Code 2.1 sends them; the betas are in the exchanges that are about them.
HEADERS = {
    "accept": "application/json",
    "anthropic-dangerous-direct-browser-access": "true",
    "anthropic-version": "2023-06-01",
    "content-type": "application/json",
    "user-agent": "claude-cli/2.1.197 (external, sdk-cli)",
    "x-app": "cli",
    "x-claude-code-session-id": "74f22d8b-067e-4324-b834-e6ff606af789",
    "x-stainless-lang": "js",
    "x-stainless-retry-count": "0",
    "x-stainless-timeout": "600",
}
_DELTAS = {
    "text": {"text_delta": "text", "citations_delta": "citation"},
    "thinking": {"thinking_delta": "thinking", "signature_delta": "signature"},
    "tool_use": {"input_json_delta": "partial_json"},
    "server_tool_use": {"input_json_delta": "partial_json"},
}


@dataclass(slots=True)
class Received:
    """What the client got. ``problems`` is what breaks the rules of the format itself."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: list[dict[str, Any]] = field(default_factory=list)
    stop_reason: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)
    events: int = 0
    ended: bool = False


async def exchange_with(
    client: httpx.AsyncClient, url: str, key: str, model: str, exchange: Exchange, headers: Mapping[str, str]
) -> Received:
    """Send a request and return what came back. An exchange may ask for a model of its own."""
    body = {"model": model, **exchange.request}
    sent = json.dumps(body).encode()  # ASCII: as JavaScript does it, half a sign is escaped
    headers = {**HEADERS, **exchange.headers, **headers, **_credentials(exchange, key)}
    try:
        async with client.stream("POST", f"{url}{exchange.path}?beta=true", content=sent, headers=headers) as response:
            received = Received(response.status_code, response.headers)
            if "event-stream" in response.headers.get("content-type", ""):
                await _read_stream(response, received, exchange.leaves_after)
            else:
                _read_whole(await response.aread(), received)
            return received
    except httpx.HTTPError as error:
        return Received(0, problems=[f"the connection broke: {type(error).__name__}"])


def _credentials(exchange: Exchange, key: str) -> dict[str, str]:
    if exchange.login:  # it keeps `Authorization`
        return {"authorization": f"Bearer {LOGIN}", "x-litellm-api-key": f"Bearer {key}"}
    return {"authorization": f"Bearer {key}", "x-api-key": key}


def _read_whole(data: bytes, received: Received) -> None:
    try:
        body = json.loads(data)
    except ValueError:
        received.problems.append(f"neither JSON nor a stream: {data[:200]!r}")
        return
    received.body = body
    received.ended = True
    if received.status != 200:
        error = body.get("error") if isinstance(body, dict) else None
        if not isinstance(error, dict) or body.get("type") != "error" or not isinstance(error.get("type"), str):
            received.problems.append(f"an error in another format than Anthropic's: {data[:200]!r}")
        received.error = error if isinstance(error, dict) else {"message": str(error)}
        return
    received.content = body.get("content") or []
    received.stop_reason = body.get("stop_reason")
    received.usage = body.get("usage") or {}


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


async def _read_stream(response: httpx.Response, received: Received, leaves_after: int) -> None:
    reader = _Reader(received)
    async for event in _events(response):
        received.events += 1
        reader.read(event)
        if leaves_after and received.events >= leaves_after:
            return
    received.ended = True
    reader.end()


class _Reader:
    def __init__(self, received: Received) -> None:
        self.received = received
        self.open: dict[str, Any] | None = None
        self.json = ""
        self.started = self.stopped = False

    def read(self, event: dict[str, Any]) -> None:
        """Take one event."""
        kind = event.get("type")
        problems = self.received.problems
        if self.stopped:
            problems.append(f"{kind} after message_stop")
        match kind:
            case "message_start":
                if self.started:
                    problems.append("a second message_start")
                self.started = True
                self.received.usage.update(event["message"].get("usage") or {})
            case "content_block_start":
                if self.open is not None:
                    problems.append(f"block {event['index']} starts inside another one")
                if event["index"] != len(self.received.content):
                    problems.append(f"block {event['index']} where {len(self.received.content)} is expected")
                self.open, self.json = dict(event["content_block"]), ""
                self.received.content.append(self.open)
            case "content_block_delta":
                self._delta(event)
            case "content_block_stop":
                self._close(event)
            case "message_delta":
                if self.open is not None:
                    problems.append("message_delta inside a block")
                self.received.stop_reason = event["delta"].get("stop_reason")
                given = event.get("usage") or {}
                self.received.usage.update({name: value for name, value in given.items() if value is not None})
            case "message_stop":
                self.stopped = True
            case "error":
                self.received.error = event.get("error") or {}
                self.stopped = True
            case "ping":
                pass
            case _:
                problems.append(f"an event of type {kind!r}")

    def _delta(self, event: dict[str, Any]) -> None:
        if self.open is None or event["index"] != len(self.received.content) - 1:
            self.received.problems.append(f"a delta for block {event['index']}, which is not open")
            return
        delta = event["delta"]
        target = _DELTAS.get(self.open["type"], {}).get(delta["type"])
        if target is None:
            self.received.problems.append(f"a {delta['type']} in a block of {self.open['type']}")
        elif target == "partial_json":
            self.json += delta["partial_json"]
        else:
            self.open[target] = (self.open.get(target) or "") + delta[target]

    def _close(self, event: dict[str, Any]) -> None:
        if self.open is None or event["index"] != len(self.received.content) - 1:
            self.received.problems.append(f"block {event['index']} stops, which is not open")
            return
        if self.open["type"] == "tool_use" and self.json:
            try:
                self.open["input"] = json.loads(self.json)
            except ValueError:
                self.received.problems.append(f"arguments that are no JSON: {self.json[:200]}")
        self.open = None

    def end(self) -> None:
        """The stream has ended."""
        if self.open is not None and self.received.error is None:
            self.received.problems.append("the stream ended inside a block")
        if not self.stopped:
            self.received.problems.append("the stream ended without message_stop")

"""A provider that answers at once, so that the time of a request is spent between it and the client."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from bench.docker import docker
from bench.processes import BenchError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["MODEL", "upstream"]

MODEL = "claude-sonnet-4-5"
_MESSAGE: dict[str, object] = {
    "id": "msg_bench",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 8, "output_tokens": 1},
}
_WORDS = ("Hello", " from", " nowhere", ".")


@asynccontextmanager
async def upstream() -> AsyncIterator[tuple[str, int]]:
    """Serve `/v1/messages` where containers reach this machine; yield address and port as seen from here.

    :raises BenchError: if it cannot be served
    """
    application = web.Application()
    application.router.add_post("/v1/messages", _answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        yield await _listen(runner)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner) -> tuple[str, int]:
    """Listen on the bridge's address; if the engine runs in a virtual machine, on the loopback that it forwards to."""
    gateway = await docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    for host in (gateway, "127.0.0.1"):
        site = web.TCPSite(runner, host or "127.0.0.1", 0)
        try:
            await site.start()
        except OSError:
            continue
        address, port = runner.addresses[-1][:2]
        return str(address), int(port)
    raise BenchError("no address to serve the stub provider on")


async def _answer(request: web.Request) -> web.StreamResponse:
    if not (await request.json()).get("stream"):
        content = [{"type": "text", "text": "".join(_WORDS)}]
        return web.json_response({**_MESSAGE, "content": content, "stop_reason": "end_turn"})
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in _events():
        await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    return response


def _events() -> list[dict[str, object]]:
    deltas: list[dict[str, object]] = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in _WORDS
    ]
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        {"type": "message_start", "message": _MESSAGE},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *deltas,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": len(_WORDS)}},
        {"type": "message_stop"},
    ]

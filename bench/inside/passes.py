"""How long our part of a request takes, in the image's Python: prints JSON, the seconds of each repetition.

A request of 200 kB as Claude Code sends it after an hour: seventy turns with tool calls, twenty-four tools.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callbacks.adaptation import adapt
from callbacks.profiles import Profiles
from callbacks.routing import decide

if TYPE_CHECKING:
    from collections.abc import Callable

REPETITIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 500
# What LiteLLM's price table says of the two models.
TABLE = {
    "groq/openai/gpt-oss-120b": {"max_input_tokens": 131_072, "max_output_tokens": 65_536, "supports_reasoning": True},
    "claude-opus-5-5": {"max_input_tokens": 1_000_000, "max_output_tokens": 128_000, "supports_reasoning": True},
}
PROFILE = {
    "tiers": {"opus": "big", "sonnet": "middle", "haiku": "small"},
    "models": [],
    "routes": {
        "long_context": {"over": 1_000_000, "model": "long"},
        "image": "seer",
        "web_search": "finder",
        "background": "quick",
        "think": "deep",
    },
    "fallbacks": ["middle", "small"],
}


def conversation() -> dict[str, Any]:
    """Return the request."""
    words = {"type": "text", "text": "The quick brown fox jumps over the lazy dog. " * 20}
    messages: list[dict[str, Any]] = []
    for turn in range(70):
        call = {"type": "tool_use", "id": f"toolu_{turn}", "name": "Read", "input": {"file_path": f"/a/{turn}.py"}}
        result = {"type": "tool_result", "tool_use_id": f"toolu_{turn}", "content": words["text"]}
        messages += [{"role": "user", "content": [words]}, {"role": "assistant", "content": [call]}]
        messages.append({"role": "user", "content": [result]})
    schema = {"type": "object", "properties": {f"name{number}": {"type": "string"} for number in range(20)}}
    tools = [{"name": f"tool{number}", "description": "x" * 1500, "input_schema": schema} for number in range(24)]
    request = {"model": "claude-opus-4-8", "max_tokens": 32_000, "messages": messages, "tools": tools}
    return {**request, "thinking": {"type": "adaptive"}, "system": [words]}


def seconds(work: Callable[[], object]) -> list[float]:
    """Return how long each call took, after some that warm up."""
    taken = []
    for number in range(REPETITIONS + 20):
        began = time.perf_counter()
        work()
        if number >= 20:
            taken.append(time.perf_counter() - began)
    return taken


def guarded(folder: Path, body: bytes) -> Callable[[], object]:
    """Return one request with a client's key, in pieces as a socket brings them, through the guard to nobody."""
    boot = {name: importlib.import_module(f"boot.{name}") for name in ("guard", "keys", "rules")}
    keys = boot["keys"].ClientKeys("sk-" + "0123456789abcdef" * 3, folder)
    pieces = [body[start : start + 2**16] for start in range(0, len(body), 2**16)]
    headers = [(b"host", b"127.0.0.1:4444"), (b"x-api-key", keys.of("mine").encode())]
    headers += [(f"x-stainless-{number}".encode(), b"some value") for number in range(16)]
    headers += [(b"content-length", str(len(body)).encode())]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        pass

    hosts = boot["rules"].Hosts.of("127.0.0.1", [])
    guard = boot["guard"].Guard(app, hosts=hosts, keys=keys, master_key="sk-master")
    loop = asyncio.new_event_loop()

    def work() -> None:
        left = list(reversed(pieces))

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": left.pop(), "more_body": bool(left)}

        scope = {"type": "http", "method": "POST", "path": "/v1/messages", "query_string": b"", "headers": headers}
        loop.run_until_complete(guard({**scope, "server": ("127.0.0.1", 4444)}, receive, send))

    return work


def main() -> None:
    """Measure, and print."""
    request = json.loads(json.dumps(conversation()))  # as it comes from the wire: nothing in it is shared
    folder = Path(tempfile.mkdtemp())
    (folder / "profiles.json").write_text(json.dumps({"profiles": {"mine": PROFILE}}) + "\n")
    (folder / "default").write_text("mine\n")
    profiles = Profiles(print, folder)

    def route(routes: bool) -> None:
        profiles.refresh()
        profile = dict(profiles.by_name["mine"])
        if not routes:
            profile["routes"] = {}
        decide(request["model"], profile, request, profile_name="mine", named=True, serves=lambda _: False)

    groq = {**request, "model": "groq/openai/gpt-oss-120b", "custom_llm_provider": "groq"}
    claude = {**request, "model": "anthropic/claude-opus-5-5", "custom_llm_provider": "anthropic"}
    print(
        json.dumps(
            {
                "size": len(json.dumps(request)),
                "the guard, a client's key": seconds(guarded(folder, json.dumps(request).encode())),
                "a name finds its tier": seconds(lambda: route(routes=False)),
                "all five routes are tried": seconds(lambda: route(routes=True)),
                "provider_compat, Claude": seconds(lambda: adapt(claude, TABLE, messages_api=True)),
                "provider_compat, a translated provider": seconds(lambda: adapt(groq, TABLE, messages_api=True)),
            }
        )
    )


main()

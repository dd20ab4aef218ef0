"""Requests of `/v1/responses`, as Codex 0.14x sends them: their models, routes and fallbacks, and what comes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Exchange, Failure, Text, marker

from .request import BROWN, PNG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]

_SHELL = {
    "type": "function",
    "name": "shell",
    "description": "Runs a command.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"command": {"type": "array", "items": {"type": "string"}}, "workdir": {"type": "string"}},
        "required": ["command"],
        "additionalProperties": False,
    },
}
_IMAGE = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
_CALLED = {"type": "function_call", "call_id": "call_1", "name": "shell", "arguments": '{"command": ["ls"]}'}
_OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "a.txt"}
_LS = Call("shell", '{"command": ["ls", "-l"]}')
_SOME = ("anthropic", "openai", "gemini", "together")
_ELSEWHERE = "lmstudio"


def _message(role: str, *content: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    parts = [{"type": kind, "text": part} if isinstance(part, str) else part for part in content]
    return {"type": "message", "role": role, "content": parts}


def _request(name: str, *items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = {
        "instructions": "You are an agent that works on code.",
        "input": [
            _message("developer", "The sandbox is off."),
            _message("user", f"Begin with {marker(name)}."),
            *items,
        ],
        "tools": [_SHELL],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199a213-81c0-7800-8aa1-bbab2a035a53",
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


def _received(answer: Answer) -> Any:
    """What Codex has to get: the texts and the calls, in order."""
    wanted = [
        ("message", part.text) if isinstance(part, Text) else ("function_call", part.name, json.loads(part.arguments))
        for part in answer.parts
        if isinstance(part, Text | Call)
    ]

    def received(_: Target, got: Mapping[str, Any]) -> list[str]:
        given = [_item(item) for item in got["body"].get("output") or [] if item["type"] != "reasoning"]
        return [] if given == wanted else [f"the answer is {given} instead of {wanted}"]

    return received


def _item(item: Mapping[str, Any]) -> tuple[Any, ...]:
    if item["type"] == "function_call":
        return item["type"], item["name"], json.loads(item["arguments"])
    return item["type"], "".join(part.get("text") or "" for part in item.get("content") or [])


def _codex(name: str, what: str, *items: dict[str, Any], **more: Any) -> Exchange:
    answer = more.pop("answer", Answer())
    body = _request(name, *items, **more.pop("changes", {}))
    more = {"targets": lambda target: target.name in _SOME, "received": _received(answer), **more}
    return Exchange(name, "codex", what, body, answer, path="/v1/responses", plain=True, **more)


def _profile(**fields: Any) -> dict[str, Any]:
    tiers = dict.fromkeys(("opus", "sonnet", "haiku"), _ELSEWHERE)
    return {"tiers": tiers, "models": [], "routes": {}, "fallbacks": [], **fields}


def _route(name: str, what: str, route: Mapping[str, Any], *items: dict[str, Any], **changes: Any) -> Exchange:
    return _codex(name, what, *items, changes={"model": "opus", **changes}, profile=_profile(routes=route))


EXCHANGES = [
    _codex("codex-text", "A text."),
    _codex("codex-text-whole", "A text, not streamed.", changes={"stream": False}),
    _codex("codex-call", "A text and a call.", answer=Answer((Text("I look."), _LS))),
    _codex(
        "codex-calls-in-one-chunk",
        "Two calls in one chunk.",
        answer=Answer((_LS, Call("shell", '{"command": ["pwd"]}')), pieces="together"),
    ),
    _codex("codex-result", "A call and its result.", _CALLED, _OUTPUT),
    _codex(
        "codex-image",
        "A picture of the user's.",
        _message("user", "What is this?", _IMAGE),
        reached=lambda target, body: [] if PNG in json.dumps(body) else ["the image is lost"],
    ),
    _route(
        "codex-route-think",
        "With an effort, it goes where thinking goes.",
        {"think": "SELF"},
        reasoning={"effort": "medium", "summary": "auto"},
    ),
    _route(
        "codex-route-background",
        "What is asked of haiku without tools is background.",
        {"background": "SELF"},
        model="haiku",
        tools=None,
        tool_choice=None,
        parallel_tool_calls=None,
    ),
    _route(
        "codex-route-image",
        "A picture, and the call that was made because of it.",
        {"image": "SELF"},
        _message("user", _IMAGE),
        _message("assistant", "I look."),
        _CALLED,
        _OUTPUT,
    ),
    _route(
        "codex-route-long-context",
        "A prompt of 30,000 tokens, where more than 20,000 are long.",
        {"long_context": {"over": 20_000, "model": "SELF"}},
        _message("user", BROWN * 2500),
    ),
    _codex(
        "codex-fallback",
        "A rate limit: the next model answers.",
        changes={"model": "opus"},
        profile=_profile(tiers={"opus": "REFUSING"}, fallbacks=["SELF"]),
        refused_by=("groq", Failure(429, "planted: slow down", "rate_limit_error", retry_after="60")),
    ),
    _codex(
        "codex-leaves",
        "A client that goes away in the middle.",
        answer=Answer((Text(BROWN * 3),)),
        leaves_after=4,
        received=lambda *_: (),
    ),
]

"""OpenAI's chat completions, as strict providers take them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Failure, Redacted, Text, Thinking

from .reply import NAME, Reply, call_id, cut, sse, unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conformance.target import Target

    from .reply import Wire

__all__ = ["Azure", "Chat", "approximate_tokens"]

_REQUEST = {
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stop",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "user",
    "seed",
    "n",
}
_SCHEMA = {"type", "properties", "required", "additionalProperties", "$schema", "$defs", "title", "description"}
_MOST_TOOLS = 128
_LONGEST_ID = {"openai": 40, "azure": 40}
_MESSAGE = {"role", "content", "name", "tool_calls", "tool_call_id"}
# Providers whose own thinking comes back to them as a field of the assistant's message.
_REMEMBERS = {
    "openrouter",
    "xai",
    "moonshot",
    "zai",
    "hosted_vllm",
    "lm_studio",
    "together_ai",
    "fireworks_ai",
    "deepseek",
    "ollama_chat",
}
_SYSTEM_FIRST = {"vllm", "lmstudio"}  # Qwen's chat template: "System message must be at the beginning."
_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "content_filter",
}


def approximate_tokens(body: object) -> int:
    """Return about how many tokens a request has: four bytes each."""
    return len(json.dumps(body, ensure_ascii=False).encode()) // 4


class Chat:
    """`/chat/completions`."""

    def refusals(self, target: Target, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Iterator[str]:
        """Yield why a provider would refuse this request."""
        if target.provider == "xai" and path.endswith("/responses"):  # there it searches the web
            yield from _responses().refusals(target, path, headers, body)
            return
        if not path.endswith("/chat/completions"):
            yield f"no such path: {path}"
            return
        if headers.get("authorization") != "Bearer key-of-the-provider" and "api-key" not in headers:
            yield "wrong key"
        if "anthropic-beta" in headers:
            yield "header anthropic-beta"
        yield from unknown_fields(body, _REQUEST | target.fields | {"reasoning_effort"}, "request")
        yield from self._limits(target, body)
        yield from self._messages(target, body.get("messages") or [])
        yield from self._tools(target, body)

    def _limits(self, target: Target, body: dict[str, Any]) -> Iterator[str]:
        asked = body.get("max_completion_tokens") or body.get("max_tokens") or 0
        if asked > target.output:
            yield f"max_tokens {asked} is over the model's limit of {target.output}"
        if target.context and (total := approximate_tokens(body) + asked) > target.context:
            yield f"{total} tokens are over the model's context of {target.context}"
        if (effort := body.get("reasoning_effort")) is not None and effort not in target.efforts:
            yield f"reasoning_effort {effort!r}: it takes {', '.join(target.efforts) or 'none'}"
        if isinstance(effort := (body.get("reasoning") or {}).get("effort"), str) and effort not in target.efforts:
            yield f"reasoning.effort {effort!r}"
        if "thinking" in body and body["thinking"].get("type") not in ("enabled", "disabled"):
            yield f"thinking {body['thinking']}"
        if len(body.get("stop") or []) > 4:
            yield "more than 4 stop sequences"
        if len(str(body.get("user") or "")) > 64 and target.provider in ("azure", "openai"):
            yield "user is longer than 64 characters"
        if target.provider == "mistral" and {"user", "seed", "stream_options"} & body.keys():
            yield f"unknown to Mistral: {sorted({'user', 'seed', 'stream_options'} & body.keys())}"

    def _messages(self, target: Target, messages: list[dict[str, Any]]) -> Iterator[str]:
        if not messages:
            yield "no messages"
        known = (
            _MESSAGE
            | ({"prefix"} if target.provider == "mistral" else set())
            | ({"reasoning_content"} if target.provider in _REMEMBERS else set())
        )
        if target.provider == "openrouter":
            known |= {"reasoning", "reasoning_details", "cache_control"}
        waiting: set[str] = set()
        for number, message in enumerate(messages):
            where = f"messages[{number}]"
            role = message.get("role")
            yield from unknown_fields(message, known, where)
            if role not in ("system", "user", "assistant", "tool", "developer"):
                yield f"{where}: role {role!r}"
            if role == "system" and number and target.name in _SYSTEM_FIRST:
                yield f"{where}: a system message must be at the beginning"
            if waiting and role != "tool":
                yield f"{where}: tool calls without a result: {sorted(waiting)}"
                waiting = set()
            if role == "tool":
                if message.get("tool_call_id") not in waiting:
                    yield f"{where}: a result of no call: {message.get('tool_call_id')!r}"
                waiting.discard(message.get("tool_call_id", ""))
            calls = message.get("tool_calls")
            if calls is not None:
                if not calls:
                    yield f"{where}: an empty list of tool calls"
                waiting = {call.get("id", "") for call in calls}
                for call in calls:
                    yield from self._call(target, call, f"{where}.tool_calls")
            yield from self._content(target, message, where)
        if waiting:
            yield f"tool calls without a result: {sorted(waiting)}"
        last = messages[-1] if messages else {}
        if target.provider == "mistral" and last.get("role") == "assistant" and not last.get("prefix"):
            yield "expected last role User or Tool (or Assistant with prefix True)"

    def _content(self, target: Target, message: dict[str, Any], where: str) -> Iterator[str]:
        content = message.get("content")
        if content is None or content in ("", []):
            if not message.get("tool_calls") and message.get("role") != "tool":
                yield f"{where}: neither content nor tool calls"
            return
        if isinstance(content, str):
            return
        if message.get("role") == "tool" and any(part.get("type") != "text" for part in content):
            yield f"{where}: a tool's result may only be text"
        for part in content:
            kind = part.get("type")
            extra = {"cache_control"} if target.provider == "openrouter" else set()
            if kind == "text":
                yield from unknown_fields(part, {"type", "text"} | extra, where)
                if not part.get("text"):
                    yield f"{where}: an empty text"
            elif kind == "image_url":
                yield from unknown_fields(part, {"type", "image_url"} | extra, where)
                if not target.sees:
                    yield f"{where}: this model takes no images"
            elif kind == "file" and target.reads:
                yield from unknown_fields(part, {"type", "file"} | extra, where)
            else:
                yield f"{where}: a part of type {kind!r}"

    def _call(self, target: Target, call: dict[str, Any], where: str) -> Iterator[str]:
        yield from unknown_fields(call, {"id", "type", "function", "index"}, where)
        function = call.get("function") or {}
        yield from unknown_fields(function, {"name", "arguments"}, where)
        if not NAME.fullmatch(function.get("name") or ""):
            yield f"{where}: name {function.get('name')!r}"
        if len(call.get("id") or "") > _LONGEST_ID.get(target.provider, 1 << 30):
            yield f"{where}: an id of {len(call['id'])} characters"
        if target.provider == "mistral" and not re.fullmatch(r"[a-zA-Z0-9]{9}", call.get("id") or ""):
            yield f"{where}: id {call.get('id')!r} is not nine letters and digits"
        try:
            if not isinstance(json.loads(function.get("arguments") or ""), dict):
                yield f"{where}: arguments are no object"
        except ValueError:
            yield f"{where}: arguments are no JSON: {function.get('arguments')!r}"

    def _tools(self, target: Target, body: dict[str, Any]) -> Iterator[str]:
        tools = body.get("tools")
        if tools is not None and not tools:
            yield "an empty list of tools"
        if body.get("tool_choice") is not None and not tools:
            yield "tool_choice without tools"
        for tool in tools or []:
            known = {"type", "function"} | ({"cache_control"} if target.provider == "openrouter" else set())
            yield from unknown_fields(tool, known, "tools")
            if tool.get("type") in target.fields:
                continue
            if tool.get("type") != "function":
                yield f"tools: type {tool.get('type')!r}"
                continue
            function = tool.get("function") or {}
            yield from unknown_fields(function, {"name", "description", "parameters", "strict"}, "tools.function")
            if function.get("strict") and target.provider in ("groq", "mistral", "cerebras"):
                yield "tools: strict"
            if not NAME.fullmatch(function.get("name") or ""):
                yield f"tools: name {function.get('name')!r}"
            schema = function.get("parameters")
            if schema is not None:
                if schema.get("type") != "object":
                    yield f"tools: parameters of type {schema.get('type')!r}"
                yield from unknown_fields(schema, _SCHEMA, "tools.parameters")
                if "properties" not in schema and target.provider in ("azure", "openai", "groq"):
                    yield "tools: object schema missing properties"
        if len(tools or []) > _MOST_TOOLS and target.provider in ("azure", "groq"):
            yield f"{len(tools or [])} tools; {_MOST_TOOLS} are the most"

    def say(self, target: Target, answer: Answer, path: str, body: dict[str, Any]) -> Reply:
        """Return the answer."""
        if path.endswith("/responses"):
            return _responses().say(target, answer, path, body)
        if not body.get("stream"):
            return Reply.of(_whole(target, answer))
        chunks = list(_chunks(target, answer))
        if answer.failure is not None and answer.failure.after is not None:
            return _broken(chunks, answer.failure)
        usage = {**_chunk({}, None), "choices": [], "usage": _usage(answer)}
        frames = sse([*map(json.dumps, [*chunks, usage]), "[DONE]"])
        if target.provider == "openrouter":  # so that nobody gives up waiting
            frames = (b": OPENROUTER PROCESSING\n\n", *frames)
        return Reply(frames, "text/event-stream")

    def fail(self, failure: Failure) -> Reply:
        """Return an error."""
        error = {"message": failure.message, "type": failure.kind, "code": failure.kind}
        headers = (("retry-after", failure.retry_after),) if failure.retry_after else ()
        return Reply.of({"error": error}, failure.status, headers=headers)


class Azure(Chat):
    """Azure's: another path, and a key in a header of its own; GPT with tools and thinking answers by `/responses`."""

    def refusals(self, target: Target, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Iterator[str]:
        """Yield why Azure would refuse this request."""
        if "api-version=" not in path:
            yield "no api-version"
        plain = path.partition("?")[0]
        if plain.endswith("/responses"):
            yield from _responses().refusals(target, plain, headers, body)
        else:
            yield from super().refusals(target, plain, headers, body)
            if body.get("tools") and body.get("reasoning_effort") != "none":
                yield "function tools with reasoning are served by /responses only"

    def say(self, target: Target, answer: Answer, path: str, body: dict[str, Any]) -> Reply:
        """Return the answer."""
        return super().say(target, answer, path.partition("?")[0], body)


def _responses() -> Wire:
    from .responses import Responses

    return Responses()


def _chunk(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "stub", "choices": [choice]}


def _thought(target: Target, text: str) -> dict[str, Any]:
    if target.provider in ("groq", "openrouter", "cerebras"):
        return {"reasoning": text}
    return {"reasoning_content": text}


def _head(number: int, call: Call, arguments: str) -> dict[str, Any]:
    function = {"name": call.name, "arguments": arguments}
    return {"index": number, "id": call_id(call, number), "type": "function", "function": function}


def _more(number: int, arguments: str) -> dict[str, Any]:
    return {"index": number, "function": {"arguments": arguments}}


def _deltas(target: Target, answer: Answer) -> Iterator[dict[str, Any]]:
    calls = 0
    for part in answer.parts:
        match part:
            case Thinking(text=text):
                for piece in cut(text, answer.pieces):
                    yield _thought(target, piece)
            case Text(text=text):
                for piece in cut(text, answer.pieces):
                    yield {"content": piece}
            case Call(arguments=arguments):
                if answer.pieces in ("whole", "unnumbered", "unnamed"):
                    head = _head(0 if answer.pieces == "unnumbered" else calls, part, arguments)
                    head["id"] = None if answer.pieces == "unnamed" else call_id(part, calls)
                    yield {"tool_calls": [head]}
                elif answer.pieces == "repeated":
                    for piece in cut(arguments, answer.pieces):
                        yield {"tool_calls": [_head(calls, part, piece)]}
                elif answer.pieces not in ("alternating",):
                    yield {"tool_calls": [_head(calls, part, "")]}
                    for piece in cut(arguments, answer.pieces):
                        yield {"tool_calls": [_more(calls, piece)]}
                calls += 1
            case Redacted():
                pass
    if answer.pieces == "alternating":
        for number, call in enumerate(answer.calls):
            yield {"tool_calls": [_head(number, call, "")]}
        longest = max((len(call.arguments) for call in answer.calls), default=0)
        for at in range(0, longest, 3):
            for number, call in enumerate(answer.calls):
                if piece := call.arguments[at : at + 3]:
                    yield {"tool_calls": [_more(number, piece)]}


def _chunks(target: Target, answer: Answer) -> Iterator[dict[str, Any]]:
    finish = answer.finish or _FINISH[answer.stop_reason]
    if target.provider == "azure":  # what its filters found in the prompt
        yield {**_chunk({}, None), "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    if answer.pieces == "together":
        yield _chunk(_message(target, answer, streamed=True), finish)
        return
    first = {"role": "assistant"}
    for delta in _deltas(target, answer):
        yield _chunk({**first, **delta}, None)
        first = {}
    yield _chunk({}, finish)


def _broken(chunks: list[dict[str, Any]], failure: Failure) -> Reply:
    begun = [json.dumps(chunk) for chunk in chunks[: failure.after]]
    if failure.status == 0:
        return Reply(sse(begun), "text/event-stream", dropped=True)
    error = {"error": {"message": failure.message, "type": failure.kind, "code": failure.status}}
    return Reply(sse([*begun, json.dumps(error)]), "text/event-stream")


def _message(target: Target, answer: Answer, *, streamed: bool = False) -> dict[str, Any]:
    said = "".join(part.text for part in answer.parts if isinstance(part, Text))
    thought = "".join(part.text for part in answer.parts if isinstance(part, Thinking))
    message: dict[str, Any] = {"role": "assistant", "content": said or None}
    if thought:
        message |= _thought(target, thought)
    if answer.calls:
        message["tool_calls"] = [_head(number, call, call.arguments) for number, call in enumerate(answer.calls)]
        if not streamed:
            for call in message["tool_calls"]:
                del call["index"]
    return message


def _usage(answer: Answer) -> dict[str, Any]:
    usage = answer.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    found: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
    }
    if usage.cache_read:
        found["prompt_tokens_details"] = {"cached_tokens": usage.cache_read}
    return found


def _whole(target: Target, answer: Answer) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": _FINISH[answer.stop_reason], "message": _message(target, answer)}
    whole = {"id": "c1", "object": "chat.completion", "created": 1, "model": "stub", "choices": [choice]}
    return {**whole, "usage": _usage(answer), "service_tier": "default"}

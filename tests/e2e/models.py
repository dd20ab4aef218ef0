"""A stub provider that plays a model at work: it reads two files at once, edits one, sends a sub-agent, and answers.

It goes by the conversation alone, as a model does, and speaks and refuses as the wires of tests/conformance do.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from tests.conformance.exchange import Answer, Call, Failure, Text
from tests.conformance.target import TARGETS
from tests.conformance.wires import WIRES, Reply
from tests.serving import Handler, Served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["SPEECHES", "Asked", "Provider", "model_list", "worker"]

KEY = "key-of-the-provider"  # that the wires want


class Speech(NamedTuple):
    """How a provider speaks: the target whose wire it is, and how an answer is cut."""

    target: str
    pieces: str
    model: str


SPEECHES = {
    "anthropic": Speech("anthropic", "words", "anthropic/claude-{}-5-5"),
    "one-chunk": Speech("lmstudio", "together", "lm_studio/{}"),
    "characters": Speech("lmstudio", "characters", "lm_studio/{}"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the provider got it."""

    speech: str
    model: str
    tools: frozenset[str]
    results: tuple[str, ...]
    said: str  # everything in the conversation, as text
    raw: str = field(repr=False)  # the whole request, headers included


@dataclass
class Provider(Served):
    """The server; a context manager."""

    play: Callable[[Asked], Answer]
    address: str = "127.0.0.1"
    asked: list[Asked] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def handler(self) -> type[Handler]:
        """Return what answers as the model does whose turn it is."""
        provider = self

        class Answers(_Handler):
            the_provider = provider

        return Answers


def model_list(base: str) -> list[dict[str, Any]]:
    """Return `model_list` of models.yaml: for each speech an opus and a haiku.

    :param base: the provider's address
    """
    return [
        {
            "model_name": f"{name}-{tier}",
            "litellm_params": {
                "model": speech.model.format(tier),
                "api_base": f"{base}/{name}" + ("" if name == "anthropic" else "/v1"),
                "api_key": "os.environ/STUB_API_KEY",
            },
        }
        for name, speech in SPEECHES.items()
        for tier in ("opus", "haiku")
    ]


class _Handler(Handler):
    the_provider: Provider
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(Reply.of({"object": "list", "data": []}))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        name = self.path.split("/")[1]
        speech, provider = SPEECHES[name], self.the_provider
        target = TARGETS[speech.target]
        wire, body = WIRES[target.wire], json.loads(raw)
        headers = {header.lower(): value for header, value in self.headers.items()}
        asked = Asked(
            name,
            str(body.get("model")),
            frozenset(_tools(body)),
            tuple(_results(body.get("messages") or [])),
            json.dumps(body.get("messages")),
            f"{self.requestline}\n{self.headers}\n{raw}",
        )
        provider.asked.append(asked)
        if self.path.partition("?")[0].endswith("count_tokens"):
            self._send(Reply.of({"input_tokens": 1000}))
        elif refusals := list(wire.refusals(target, self.path, headers, body)):
            provider.refused += refusals
            self._send(wire.fail(Failure(400, "; ".join(refusals), "invalid_request_error")))
        else:
            answer = provider.play(asked)
            cut = Answer(answer.parts, pieces=speech.pieces)
            self._send(wire.say(target, cut, self.path, body))

    def _send(self, reply: Reply) -> None:
        content = b"".join(reply.frames)
        self.send_response(reply.status)
        self.send_header("content-type", reply.kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        for frame in reply.frames:
            self.wfile.write(frame)
            self.wfile.flush()


def _tools(body: Mapping[str, Any]) -> Iterator[str]:
    for tool in body.get("tools") or []:
        yield str((tool.get("function") or tool).get("name"))


def _results(messages: list[dict[str, Any]]) -> Iterator[str]:
    for message in messages:
        content = message.get("content")
        if message.get("role") == "tool":
            yield json.dumps(content)
        for block in content if isinstance(content, list) else []:
            if block.get("type") == "tool_result":
                yield json.dumps(block.get("content"))


def _call(name: str, **arguments: Any) -> Call:
    return Call(name, json.dumps(arguments), f"call_{uuid4().hex[:20]}")  # clients tell calls apart by it


def worker(folder: str) -> Callable[[Asked], Answer]:
    """Return a model that works in a folder with `a.txt` and `b.txt`, for each of the clients."""

    def play(asked: Asked) -> Answer:
        step = len(asked.results)
        if not asked.tools:
            return Answer((Text("a title"),))
        if "SUBTASK" in asked.said and "MAIN TASK" not in asked.said:
            if not step:
                return Answer((_call("Read", file_path=f"{folder}/b.txt"),))
            return Answer((Text(f"the sub-agent saw {_seen(asked.results[0])}"),))
        if "AGAIN" in asked.said:
            return Answer((Text(f"resumed after {step} results"),))
        if "Agent" in asked.tools or "Task" in asked.tools:
            return _claude_code(asked, folder, step)
        return _other_client(asked, folder, step)

    return play


def _claude_code(asked: Asked, folder: str, step: int) -> Answer:
    agent = "Agent" if "Agent" in asked.tools else "Task"
    match step:
        case 0:
            reads = (_call("Read", file_path=f"{folder}/{name}.txt") for name in "ab")
            return Answer((Text("Reading both."), *reads))
        case 2:
            return Answer((_call("Edit", file_path=f"{folder}/a.txt", old_string="alpha", new_string="gamma"),))
        case 3:
            task = {"description": "look", "prompt": "SUBTASK: read b.txt", "subagent_type": "general-purpose"}
            return Answer((_call(agent, **task, model="haiku"),))
        case 4:
            return Answer((Text(f"All done: {_seen(' '.join(asked.results))}"),))
        case _:
            return Answer((Text(f"{step} results came back: {asked.results}"),))


def _other_client(asked: Asked, folder: str, step: int) -> Answer:
    if step:
        return Answer((Text(f"All done: {_seen(' '.join(asked.results))}"),))
    calls: dict[str, dict[str, Any]] = {
        "exec_command": {"cmd": f"cat {folder}/a.txt"},
        "shell_command": {"command": f"cat {folder}/a.txt"},
        "shell": {"command": ["cat", f"{folder}/a.txt"]},
        "read": {"filePath": f"{folder}/a.txt"},
    }
    name = next((name for name in calls if name in asked.tools), "")
    if not name:
        return Answer((Text(f"no tool that is known: {sorted(asked.tools)}"),))
    return Answer((_call(name, **calls[name]),))


def _seen(text: str) -> str:
    """Return the words of the files that a text has."""
    return " and ".join(sorted(set(re.findall(r"alpha|beta|gamma", text))))

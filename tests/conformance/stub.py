"""The providers: one server for all of them, which refuses what each refuses, and remembers what reached it."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tests.serving import Handler, Served

from .exchange import LOGIN, Answer, Call, Failure
from .target import TARGETS
from .wires import WIRES, Reply
from .wires.ollama import SHOWN
from .wires.reply import halves

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .exchange import Exchange
    from .target import Target

__all__ = ["COUNTED", "Reached", "Stub"]

COUNTED = 4242  # what a provider's own counting of tokens says
_TARGET = re.compile(r"/t/([a-z0-9-]+)")
_EXCHANGE = re.compile(rb"exchange\(([a-z0-9-]+)\)")
_ENDLESS = 400  # frames of 25 ms: an answer that goes on until the client has gone


@dataclass(frozen=True, slots=True)
class Reached:
    """A request as a provider got it, and why it refused it."""

    path: str
    headers: Mapping[str, str]  # names in lower case
    body: Mapping[str, Any]
    refusals: tuple[str, ...]


@dataclass
class Stub(Served):
    """The server; a context manager."""

    exchanges: Mapping[str, Exchange]
    address: str = "127.0.0.1"
    fixed_port: int = 0  # 0: a free one
    planted: Sequence[str] = (LOGIN,)  # what no provider may ever see
    reached: dict[tuple[str, str], list[Reached]] = field(default_factory=lambda: defaultdict(list))
    left: dict[tuple[str, str], threading.Event] = field(default_factory=lambda: defaultdict(threading.Event))
    strangers: list[str] = field(default_factory=list)  # requests that no exchange explains

    def handler(self) -> type[Handler]:
        """Return what answers as the exchange of a request says."""
        stub = self

        class Answers(_Handler):
            the_stub = stub

        return Answers


class _Handler(Handler):
    the_stub: Stub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        models = [{"id": "qwen3", "object": "model", "max_model_len": 65_536}]
        self._send(Reply.of({"object": "list", "data": models, "models": []}))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        found = _TARGET.search(self.path)
        if self._leaks(raw):
            self.the_stub.strangers.append(f"{self.path}: holds a secret that is not for it")
        if self.path.endswith("/token"):  # of Google's, for Vertex AI
            self._send(Reply.of({"access_token": "key-of-the-provider", "expires_in": 3600, "token_type": "Bearer"}))
        elif self.path.endswith("/api/show"):
            shown = SHOWN.get(json.loads(raw).get("model", ""))
            self._send(Reply.of(shown or {"error": "model not found"}, 200 if shown else 404))
        elif re.search(r"count[-_]?tokens|input_tokens$", self.path, re.IGNORECASE):
            self._send(Reply.of({"input_tokens": COUNTED, "inputTokens": COUNTED, "totalTokens": COUNTED}))
        elif found is None or found[1] not in TARGETS:
            self.the_stub.strangers.append(self.path)
            self._send(Reply.of({"error": "no such provider"}, 404))
        else:
            self._answer(TARGETS[found[1]], raw)

    def _answer(self, target: Target, raw: bytes) -> None:
        stub = self.the_stub
        named = _EXCHANGE.search(raw)
        exchange = stub.exchanges.get(named[1].decode()) if named else None
        if exchange is None:
            stub.strangers.append(f"{self.path}: {raw[:200]!r}")
            self._send(Reply.of({"error": "no such exchange"}, 404))
            return
        key = (target.name, exchange.name)
        body = json.loads(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        wire = WIRES[target.wire]
        refusals = tuple(wire.refusals(target, self.path, headers, body))
        refusals += ("half a sign: the request is no valid JSON",) if halves(body) else ()
        refusals += ("it holds a secret that is not for this provider",) if self._leaks(raw) else ()
        stub.reached[key].append(Reached(self.path, headers, body, refusals))
        answer = _as_offered(exchange.answer, body)
        if exchange.refused_by is not None and exchange.refused_by[0] == target.name:
            refusal = exchange.refused_by[1]
            answer = refusal if isinstance(refusal, Answer) else Answer(failure=refusal)
        failure = answer.failure and answer.failure.at(target)
        if refusals:
            self._send(wire.fail(Failure(400, "; ".join(refusals), "invalid_request_error")))
        elif failure is not None and failure.after is None:
            self._send(wire.fail(failure))
        else:
            reply = wire.say(target, answer, self.path, body)
            self._send(reply, endless=stub.left[key] if exchange.leaves_after else None)

    def _leaks(self, raw: bytes) -> bool:
        """Whether a request holds a secret that is not for a provider."""
        seen = f"{self.requestline}\n{self.headers}\n".encode() + raw
        return any(secret.encode() in seen for secret in self.the_stub.planted)

    def _send(self, reply: Reply, *, endless: threading.Event | None = None) -> None:
        streamed = len(reply.frames) > 1 or reply.dropped
        self.send_response(reply.status)
        self.send_header("content-type", reply.kind)
        for name, value in reply.headers:
            self.send_header(name, value)
        if streamed:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(len(reply.frames[0])))
        self.end_headers()
        if not streamed:
            self.wfile.write(reply.frames[0])
            return
        try:
            for number, frame in enumerate(reply.frames):
                self._chunk(frame)
                if endless is not None and number == len(reply.frames) // 2:
                    self._go_on(reply.frames[number], endless)
                    return
        except OSError:
            if endless is not None:
                endless.set()
            return
        if reply.dropped:
            self.close_connection = True
        else:
            self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _go_on(self, frame: bytes, endless: threading.Event) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            for _ in range(_ENDLESS):
                self._chunk(frame)
                endless.wait(0.025)
            return
        endless.set()


def _as_offered(answer: Answer, body: Mapping[str, Any]) -> Answer:
    """Return an answer whose calls have the names by which this provider was offered the tools: some are shortened."""
    offered = _names(body.get("tools")) | _names((body.get("toolConfig") or {}).get("tools"))
    parts = tuple(
        replace(part, name=next((name for name in offered if name[:40] == part.name[:40]), part.name))
        if isinstance(part, Call) and part.name not in offered
        else part
        for part in answer.parts
    )
    return replace(answer, parts=parts)


def _names(tools: Any) -> set[str]:
    found: set[str] = set()
    for tool in tools or []:
        declared = tool.get("functionDeclarations") or tool.get("function_declarations")
        if declared:
            found |= _names(declared)
        else:
            found.add(str((tool.get("function") or tool.get("toolSpec") or tool).get("name")))
    return found

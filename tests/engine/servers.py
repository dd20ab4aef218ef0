"""Providers of a test's own: one that knows little, one that answers nonsense, one that tells the key it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.serving import Handler, Served

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Anything", "ChatOnly", "Echo"]


class _Provider(Served):
    """A server; ``paths`` are those of its requests."""

    def __init__(self, address: str, port: int = 0) -> None:
        self.address, self.fixed_port = address, port
        self.paths: list[str] = []

    def get(self) -> tuple[int, Mapping[str, object]]:
        """Return status and body for a GET."""
        return 404, {"error": "not found"}

    def post(self, path: str, key: str, body: bytes) -> tuple[int, Mapping[str, object]]:
        """Return status and body for a POST; ``key`` is what it was sent as a bearer's."""
        raise NotImplementedError

    def handler(self) -> type[Handler]:
        server = self

        class Answers(Handler):
            def do_GET(self) -> None:
                self._send(*server.get())

            def do_POST(self) -> None:
                server.paths.append(self.path)
                body = self.rfile.read(int(self.headers["content-length"]))
                key = (self.headers["authorization"] or "").removeprefix("Bearer ")
                self._send(*server.post(self.path, key, body))

            def _send(self, status: int, body: Mapping[str, object]) -> None:
                self.answer(status, json.dumps(body).encode(), "application/json")

        return Answers


class ChatOnly(_Provider):
    """A server that knows nothing but ``POST /v1/chat/completions``."""

    def post(self, path: str, key: str, body: bytes) -> tuple[int, Mapping[str, object]]:
        if path != "/v1/chat/completions":
            return self.get()
        message = {"role": "assistant", "content": "Hello from here."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "choices": [choice], "usage": usage}
        return 200, {**answer, "model": json.loads(body)["model"]}


class Anything(_Provider):
    """A server that answers everything, with what is no answer."""

    def get(self) -> tuple[int, Mapping[str, object]]:
        return 200, {"status": "fine"}

    def post(self, path: str, key: str, body: bytes) -> tuple[int, Mapping[str, object]]:
        return self.get()


class Echo(_Provider):
    """A provider that refuses every key, and says which; and, as an HTTP proxy, one that keeps what it is sent."""

    def __init__(self, address: str, port: int = 0) -> None:
        super().__init__(address, port)
        self.keys: set[str] = set()

    def post(self, path: str, key: str, body: bytes) -> tuple[int, Mapping[str, object]]:
        self.keys.add(key)
        long = "See the documentation. " * 40  # LiteLLM packs what is over 500 bytes
        error = {"message": f"Incorrect API key provided: {key}. {long}", "type": "invalid_request_error"}
        return 401, {"error": error}

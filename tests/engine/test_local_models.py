"""A server on this machine: the example works as it stands, and what is wrong with one is said."""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from .commands import instance
from .instance import docker, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .instance import Instance

__all__ = ["instance"]

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(300)]

MORE = """\
  down: {{litellm_params: {{model: openai/x, api_base: "http://localhost:{down}/v1"}}}}
  loopback: {{litellm_params: {{model: openai/x, api_base: "http://localhost:{loopback}/v1"}}}}
  wrong: {{litellm_params: {{model: openai/x, api_base: "http://localhost:{good}/wrong"}}}}
  other: {{litellm_params: {{model: openai/x, api_base: "http://localhost:{other}/v1"}}}}
"""


class ChatOnly(BaseHTTPRequestHandler):
    """A server that knows nothing but ``POST /v1/chat/completions``."""

    asked: list[str] = []  # noqa: RUF012 (of each class that is made of it)

    def do_GET(self) -> None:
        self.send(404, {"error": "not found"})

    def do_POST(self) -> None:
        self.asked.append(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self.send(404, {"error": "not found"})
            return
        message = {"role": "assistant", "content": "Hello from here."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
        self.send(200, {**answer, "usage": usage})

    def send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        return


class Anything(ChatOnly):
    """A server that answers everything, with what is no answer."""

    def do_GET(self) -> None:
        self.send(200, {"status": "fine"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send(200, {"status": "fine"})


@contextmanager
def serving(address: str, handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    with ThreadingHTTPServer((address, 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def uncommented(text: str) -> str:
    """Return the example of a file as a user makes it work: without the first `# ` of its lines."""
    lines = text[text.index("\n# models:") :].splitlines()
    return "\n".join(line.removeprefix("# ") for line in lines if re.match(r"# +\S*:|# models|#  ", line)) + "\n"


@pytest.mark.cause("local-server-down", "local-server-loopback", "local-server-protocol")
def test_the_example_works_as_it_stands_and_what_is_wrong_with_a_server_is_said(instance: Instance) -> None:
    gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    instance.run("install", "--no-build")
    models = instance.config / "models.yaml"
    example = uncommented(models.read_text()).partition("litellm_settings")[0]
    with ExitStack() as servers:
        good = servers.enter_context(serving(gateway, ChatOnly))
        loopback = servers.enter_context(serving("127.0.0.1", ChatOnly))
        other = servers.enter_context(serving(gateway, Anything))
        down = free_port()
        models.write_text(example + MORE.format(good=good, down=down, loopback=loopback, other=other))
        instance.extra["MY_API_BASE"] = f"http://localhost:{good}/v1"
        instance.start("--no-db")

        assert instance.json("models", "test", "my-model")["answer"] == "Hello from here."
        assert set(ChatOnly.asked) == {"/v1/chat/completions"}

        expected = {
            "down": ("local-server-down", f"nothing listens at http://localhost:{down}/v1"),
            "loopback": ("local-server-loopback", "listens on 127.0.0.1 only"),
            "other": ("local-server-protocol", "not as OpenAI's protocol has it"),
        }
        for name, (code, said) in expected.items():
            error = instance.json("models", "test", name, expect=10)["error"]
            assert (error["code"], said in error["message"]) == (code, True), error
        # The second failure is the server's own as well, no 429 of LiteLLM's while it cools the only deployment down.
        for _ in range(2):
            assert instance.json("models", "test", "wrong", expect=10)["error"]["facts"] == {"status": 404}

        findings = [row for row in instance.json("doctor", expect=1)["findings"] if row["check"] == "servers"]
        assert {row.get("code", "ok") for row in findings} == {"ok", *(code for code, _ in expected.values())}
        deep = instance.json("proxy", "health", "--deep", expect=10)
        assert {row["code"] for row in deep["local_servers"]} == {code for code, _ in expected.values()}
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", down)) != 0

"""A provider that names the key it refuses: the key reaches nobody else, and no proxy on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests import planted
from tests.serving import Handler, Served

from .commands import instance
from .instance import docker

if TYPE_CHECKING:
    from pathlib import Path

    from .instance import Instance

__all__ = ["instance"]

pytestmark = [pytest.mark.engine, pytest.mark.slow(25), pytest.mark.timeout(300)]

KEY = "sk-or-v1-planted-echo-5d27c0"
LOG = "/var/log/litellm/litellm.log"
FILES = {
    "models.yaml": """\
models:
  echo:
    litellm_params: {{model: openai/x, api_base: "http://localhost:{port}/v1", api_key: os.environ/ECHO_API_KEY}}
""",
    "profiles.yaml": "profiles: {echo: {opus: echo, sonnet: echo, haiku: echo}}\n",
}
ASK = """
printf 'header = "x-api-key: %s"\\n' "$ANTHROPIC_AUTH_TOKEN" |
curl --silent --compressed --config - --header "content-type: application/json" --data @body \\
  "$ANTHROPIC_BASE_URL/v1/messages"
"""


class Echo(Served):
    """A provider that refuses every key, and says which; and, as an HTTP proxy, one that keeps what it is sent."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.paths: list[str] = []
        self.keys: set[str] = set()

    def handler(self) -> type[Handler]:
        server = self

        class Refusing(Handler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                server.paths.append(self.path)
                server.keys.add(key := self.headers["authorization"].removeprefix("Bearer "))
                long = "See the documentation. " * 40  # LiteLLM packs what is over 500 bytes
                error = {"message": f"Incorrect API key provided: {key}. {long}", "type": "invalid_request_error"}
                self.answer(401, json.dumps({"error": error}).encode(), "application/json")

        return Refusing


def test_a_key_that_a_provider_names_in_its_error_shows_nowhere(instance: Instance, tmp_path: Path) -> None:
    gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    planted.keep([KEY])
    instance.config.mkdir(parents=True)
    with Echo(gateway) as provider, Echo("127.0.0.1") as proxy:
        for name, text in FILES.items():
            (instance.config / name).write_text(text.format(port=provider.port) if "models:" in text else text)
        (instance.config / ".env").write_text(f"ECHO_API_KEY={KEY}\n")
        instance.run("proxy", "start", "--profile", "echo", "--no-db")
        # The user's HTTP proxy is set for clients only: LiteLLM's has a test of its own.
        instance.extra |= {"http_proxy": proxy.url, "HTTP_PROXY": proxy.url}
        (tmp_path / "body").write_text(
            json.dumps({"model": "echo", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
        )
        instance.workplace = tmp_path
        said = instance.run("with", "echo", "--", "sh", "-c", ASK).stdout
        instance.run("models", "test", "echo", expect=10)
        instance.run("proxy", "logs")
        instance.run("doctor", "--report", str(tmp_path / "report.md"), expect=None)
        (tmp_path / "kept.log").write_text(docker("exec", instance.container("litellm"), "cat", LOG))
    assert provider.keys == {KEY}  # it was sent where it belongs
    assert "Incorrect API key provided" in said
    assert KEY not in said
    assert proxy.paths == []
    planted.check_containers(instance.name)
    planted.check_files(tmp_path)

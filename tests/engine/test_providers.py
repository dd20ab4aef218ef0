"""The real LiteLLM and its providers: on this machine, behind a proxy of a company, and one that tells the key it gets.

One stack has models of all of them.
"""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests import planted

from ..image.upstream import ANSWER, Upstream
from .instance import Instance, docker, free_port
from .servers import Anything, ChatOnly, Echo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.slow(40), pytest.mark.timeout(300)]

KEY = "sk-or-v1-planted-echo-5d27c0"
LOG = "/var/log/litellm/litellm.log"
MORE = """\
  down: {{litellm_params: {{model: openai/x, api_base: "http://localhost:{down}/v1"}}}}
  loopback: {{litellm_params: {{model: openai/x, api_base: "http://localhost:{loopback}/v1"}}}}
  wrong: {{litellm_params: {{model: openai/x, api_base: "http://localhost:{good}/wrong"}}}}
  other: {{litellm_params: {{model: openai/x, api_base: "http://localhost:{other}/v1"}}}}
  local: {{litellm_params: {{model: openai/x, api_base: "http://localhost:{local}/v1", api_key: k}}}}
  remote: {{litellm_params: {{model: openai/x, api_base: "http://provider.invalid/v1", api_key: k}}}}
  echo:
    litellm_params: {{model: openai/x, api_base: "http://localhost:{echo}/v1", api_key: os.environ/ECHO_API_KEY}}
"""
PROFILES = "profiles: {echo: {opus: echo, sonnet: echo, haiku: echo}}\n"
ASK = """
printf 'header = "x-api-key: %s"\\n' "$ANTHROPIC_AUTH_TOKEN" |
curl --silent --compressed --config - --header "content-type: application/json" --data @body \\
  "$ANTHROPIC_BASE_URL/v1/messages"
"""


def uncommented(text: str) -> str:
    """Return the example of a file as a user makes it work: without the first `# ` of its lines."""
    lines = text[text.index("\n# models:") :].splitlines()
    return "\n".join(line.removeprefix("# ") for line in lines if re.match(r"# +\S*:|# models|#  ", line)) + "\n"


class Stack:
    """The stack and its providers; a context manager.

    The user's HTTP proxy is two servers of one port: that of LiteLLM's container, and that of this machine's loopback,
    where clients would find it.
    """

    def __init__(self, folder: Path) -> None:
        # What listens on this machine's loopback is out of a container's reach: so does Ollama's default.
        gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
        self.instance = Instance(folder / "user")
        self.instance.folder.mkdir()
        self.good, self.other, self.loopback = ChatOnly(gateway), Anything(gateway), ChatOnly("127.0.0.1")
        self.echo, self.local = Echo(gateway), Upstream(gateway)
        self.proxy = Upstream(gateway)
        self.down = free_port()
        self._ends = ExitStack()

    def __enter__(self) -> Stack:
        servers = (self.good, self.other, self.loopback, self.echo, self.local, self.proxy)
        with ExitStack() as ends:
            for server in servers:
                ends.enter_context(server)
            self.clients_proxy = ends.enter_context(Echo("127.0.0.1", self.proxy.port))
            ends.callback(self.instance.remove)
            self._start()
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def _start(self) -> None:
        planted.keep([KEY])
        instance = self.instance
        instance.run("install", "--no-build")
        names = ("good", "loopback", "other", "local", "echo")
        ports = {name: getattr(self, name).port for name in names} | {"down": self.down}
        models = instance.config / "models.yaml"
        example = uncommented(models.read_text()).partition("litellm_settings")[0]
        models.write_text(example + MORE.format(**ports))
        (instance.config / "profiles.yaml").write_text(PROFILES)
        with (instance.config / ".env").open("a") as file:
            file.write(f"ECHO_API_KEY={KEY}\n")
        proxy = f"http://127.0.0.1:{self.proxy.port}"
        instance.extra = {"HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": "10.0.0.0/8"}
        instance.extra["MY_API_BASE"] = f"http://localhost:{self.good.port}/v1"
        instance.start("--no-db")

    def ask(self, model: str) -> str:
        """Return what the proxy answers for a model."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
        headers = {"Authorization": f"Bearer {self.instance.secrets()[0]}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.instance.url}/v1/chat/completions", body, headers)  # noqa: S310 (loopback)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("providers")) as stack:
        yield stack


def test_a_model_of_this_machine_is_reached_directly_and_others_through_the_users_proxy(stack: Stack) -> None:
    assert ANSWER in stack.ask("remote")
    assert ANSWER in stack.ask("local")
    assert "/v1/chat/completions" in [request.path for request in stack.local.requests]
    through = [request.path for request in stack.proxy.requests]
    assert "http://provider.invalid/v1/chat/completions" in through
    assert not any("localhost" in path or "docker.internal" in path for path in through)


@pytest.mark.cause("local-server-down", "local-server-loopback", "local-server-protocol")
def test_the_example_works_as_it_stands_and_what_is_wrong_with_a_server_is_said(stack: Stack) -> None:
    instance = stack.instance
    assert instance.json("models", "test", "my-model")["answer"] == "Hello from here."
    assert set(stack.good.paths) == {"/v1/chat/completions"}

    expected = {
        "down": ("local-server-down", f"nothing listens at http://localhost:{stack.down}/v1"),
        "loopback": ("local-server-loopback", "listens on 127.0.0.1 only"),
        "other": ("local-server-protocol", "not as OpenAI's protocol has it"),
    }
    # At once, for LiteLLM tries each for five seconds.
    asked = {name: instance.start_command("models", "test", name, "--json") for name in expected}
    for name, (code, said) in expected.items():
        done = instance.finish(asked[name])
        assert done.returncode == 10
        error = json.loads(done.stdout)["error"]
        assert (error["code"], said in error["message"]) == (code, True), error
    # The second failure is the server's own as well, no 429 of LiteLLM's while it cools the only deployment down.
    for _ in range(2):
        assert instance.json("models", "test", "wrong", expect=10)["error"]["facts"] == {"status": 404}

    findings = [row for row in instance.json("doctor", expect=1)["findings"] if row["check"] == "servers"]
    assert {row.get("code", "ok") for row in findings} == {"ok", *(code for code, _ in expected.values())}
    deep = instance.json("proxy", "health", "--deep", expect=10)
    assert {row["code"] for row in deep["local_servers"]} == {code for code, _ in expected.values()}
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", stack.down)) != 0


def test_a_key_that_a_provider_names_in_its_error_shows_nowhere(stack: Stack, tmp_path: Path) -> None:
    """The key reaches nobody else, and no proxy on the way."""
    instance = stack.instance
    stack.proxy.take()
    (tmp_path / "body").write_text(
        json.dumps({"model": "echo", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
    )
    instance.workplace = tmp_path
    said = instance.run("with", "echo", "--", "sh", "-c", ASK).stdout
    instance.run("models", "test", "echo", expect=10)
    instance.run("proxy", "logs")
    instance.run("doctor", "--report", str(tmp_path / "report.md"), expect=None)
    instance.workplace = None
    (tmp_path / "kept.log").write_text(docker("exec", instance.container("litellm"), "cat", LOG))
    assert stack.echo.keys == {KEY}  # it was sent where it belongs
    assert "Incorrect API key provided" in said
    assert KEY not in said
    assert stack.clients_proxy.paths == []
    assert stack.proxy.take() == []
    planted.check_containers(instance.name)
    planted.check_files(tmp_path)

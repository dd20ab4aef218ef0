"""The real clients, through `run-claude with`, the real stack and a stub provider: whole sessions, on one stack.

The first command starts it. Another environment than that of the last start costs a start of LiteLLM, so that those
behind a company's HTTP proxy have the same one.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import planted
from tests.conformance.exchange import Failure

from ..engine.instance import Instance, docker
from .anthropic_host import AnthropicHost
from .models import SPEECHES, Provider, model_list, worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

LOGIN = "sk-ant-oat01-planted-4c1d9e77a2b0f3e8d5"  # of a Claude subscription
NOWHERE = "http://127.0.0.1:9"
FOREIGN = "sk-planted-of-another-gateway-51f0"


def program(name: str) -> str:
    """Return a client's path; where the tests set it up, it is there."""
    found = shutil.which(name)
    if found is None:
        assert not os.environ.get("CI"), f"{name} is not installed"
        pytest.skip(f"{name} is not installed: scripts/test does it")
    return found


class Stack:
    """A stack, the provider behind it, and a folder with `a.txt` and `b.txt` in which clients work."""

    def __init__(self, folder: Path, provider: Provider, release: dict[str, str]) -> None:
        self.provider = provider
        self.instance = Instance(folder / "user", release=release)
        self.instance.folder.mkdir()
        self.instance.extra = {
            "IS_SANDBOX": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
        }
        self.instance.workplace = folder / "work"
        self.instance.workplace.mkdir()
        self.instance.extra["PWD"] = str(self.instance.workplace)  # as a shell has it: OpenCode works where it says
        self.instance.config.mkdir()
        base = f"http://host.docker.internal:{provider.port}"
        profiles = {name: {"opus": f"{name}-opus", "haiku": f"{name}-haiku"} for name in SPEECHES}
        mixed = {"opus": "claude-opus-5-5", "haiku": "one-chunk-haiku", "subscription": True}
        mixed |= {"fallbacks": ["one-chunk-opus"]}
        self._write("models.yaml", {"model_list": model_list(base)})
        self._write("profiles.yaml", {"profiles": {**profiles, "mixed": mixed}})
        (self.instance.config / ".env").write_text("STUB_API_KEY=key-of-the-provider\n")

    def _write(self, name: str, document: dict[str, Any]) -> None:
        (self.instance.config / name).write_text(yaml.safe_dump(document))

    def fresh(self) -> None:
        """Put the files back, and forget what was asked."""
        assert self.instance.workplace is not None
        (self.instance.workplace / "a.txt").write_text("alpha\n")
        (self.instance.workplace / "b.txt").write_text("beta\n")
        self.provider.asked.clear()
        self.provider.refused.clear()

    def run(self, profile: str, *command: str) -> str:
        """Run a client's command with a profile, and return what it prints."""
        return self.instance.run("with", profile, "--", *command).stdout

    @contextmanager
    def behind(self, company: AnthropicHost) -> Iterator[None]:
        """Let all commands run behind a company's HTTP proxy, which is there for Anthropic's host alone."""
        usual = dict(self.instance.extra)
        self.instance.extra |= {
            "HTTP_PROXY": NOWHERE,
            "http_proxy": NOWHERE,
            "NO_PROXY": "host.docker.internal",
            "HTTPS_PROXY": f"http://{company.address}:{company.port}",
            "RUN_CLAUDE_CA_BUNDLE": str(company.authority),
        }
        try:
            yield
        finally:
            self.instance.extra = usual

    def holds_only_its_own_key(self) -> None:
        """Nothing that came to the provider holds a secret that is not for it."""
        secrets = [*self.instance.secrets(), LOGIN, FOREIGN]
        assert self.provider.asked
        for asked in self.provider.asked:
            assert not [secret for secret in secrets if secret in asked.raw]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, ready_database: dict[str, str]) -> Iterator[Stack]:
    """The one stack of this module."""
    folder = tmp_path_factory.mktemp("clients")
    planted.keep([LOGIN, FOREIGN])
    address = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    with Provider(worker(str(folder / "work")), address) as provider:
        found = Stack(folder, provider, ready_database)
        try:
            found.instance.run("install", "--no-build")  # its secrets
            yield found
        finally:
            (found.instance.folder / ".claude/.credentials.json").unlink(missing_ok=True)  # where the login belongs
            found.instance.remove()


@pytest.fixture(scope="module")
def company(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnthropicHost]:
    """The HTTP proxy of a company, and behind it Anthropic's own host."""
    with AnthropicHost(tmp_path_factory.mktemp("company"), stack.provider.address) as host:
        yield host


def test_claude_code_gets_its_answer_from_a_stack_that_did_not_run(stack: Stack) -> None:
    if stack.instance.phase("litellm") != "absent":
        stack.instance.run("proxy", "stop", "--all")
    done = stack.run("demo", program("claude"), "-p", "say hi")
    assert "demo profile" in done
    assert "say hi" in done
    assert "demo profile" in stack.run("demo", program("claude"), "-p", "and again", "--model", "opus")


@pytest.mark.parametrize("speech", SPEECHES)
def test_a_session_of_claude_code_ends_rightly(stack: Stack, speech: str) -> None:
    """Two reads at once, an edit, a sub-agent on haiku, and a second call that resumes it."""
    stack.fresh()
    work = ("-p", "MAIN TASK: do the work", "--output-format", "json", "--permission-mode", "acceptEdits")
    done = json.loads(stack.run(speech, program("claude"), *work))
    assert done["result"] == "All done: alpha and beta"
    assert done["is_error"] is False
    assert stack.instance.workplace is not None
    assert (stack.instance.workplace / "a.txt").read_text() == "gamma\n"
    tiers = [("haiku" if "haiku" in asked.model else "opus", len(asked.results)) for asked in stack.provider.asked]
    assert tiers == [("opus", 0), ("opus", 2), ("opus", 3), ("haiku", 0), ("haiku", 1), ("opus", 4)]
    again = stack.run(speech, program("claude"), "-p", "AGAIN: what now?", "--resume", done["session_id"])
    assert "resumed after 4 results" in again
    assert stack.provider.refused == []
    stack.holds_only_its_own_key()


@pytest.mark.parametrize(
    ("client", "speech"), [("codex", "anthropic"), ("codex", "one-chunk"), ("opencode", "characters")]
)
def test_another_client_calls_a_tool_and_gets_its_result_back(stack: Stack, client: str, speech: str) -> None:
    stack.fresh()
    options = {
        "codex": ("exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", "do the work"),
        "opencode": ("run", "do the work"),
    }
    assert "All done: alpha" in stack.run(speech, program(client), *options[client])
    assert {asked.speech for asked in stack.provider.asked} == {speech}
    assert stack.provider.refused == []
    stack.holds_only_its_own_key()
    left = [
        path
        for name in (".codex/config.toml", ".config/opencode/opencode.json")
        if (path := stack.instance.folder / name).exists()
    ]
    assert left == [], "nothing of the user's is changed"


def test_nothing_diverts_claude_code(stack: Stack, company: AnthropicHost) -> None:
    """Settings of the user and the project, another gateway's headers, a company's HTTP proxy: each leads nowhere."""
    stack.fresh()
    assert stack.instance.workplace is not None
    headers = {"ANTHROPIC_CUSTOM_HEADERS": f"x-litellm-api-key: Bearer {FOREIGN}"}
    files = {
        stack.instance.folder / ".claude/settings.json": {
            "ANTHROPIC_BASE_URL": NOWHERE,
            "ANTHROPIC_AUTH_TOKEN": FOREIGN,
            "CLAUDE_CODE_USE_BEDROCK": "1",
            **headers,
        },
        stack.instance.workplace / ".claude/settings.local.json": {"ANTHROPIC_API_KEY": FOREIGN, "NO_PROXY": "corp"},
    }
    for path, env in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"env": env}))
    with stack.behind(company):
        stack.instance.extra |= headers
        try:
            environment = stack.instance.run("env", "anthropic")
            checked = stack.instance.json("doctor", expect=None)
            assert "resumed after 0 results" in stack.run("anthropic", program("claude"), "-p", "AGAIN")
        finally:
            for path in files:
                path.unlink()
    assert all(str(path) in environment.stderr for path in files)
    found = [row for row in checked["findings"] if row["check"] == "clients"]
    assert {row["facts"]["file"] for row in found} == {str(path) for path in files}
    stack.holds_only_its_own_key()


def test_a_subscription_reaches_anthropic_and_nobody_else(stack: Stack, company: AnthropicHost) -> None:
    """Opus goes to Anthropic's own host with the login; haiku, and a fallback, to another provider without it."""
    stack.fresh()
    missing = stack.instance.run("with", "mixed", "--", program("claude"), "-p", "AGAIN", expect=3)
    assert "not logged in" in missing.stderr
    kept = stack.instance.folder / ".claude/.credentials.json"
    kept.parent.mkdir(exist_ok=True)
    login = {"accessToken": LOGIN, "refreshToken": "", "expiresAt": 4_102_444_800_000, "scopes": ["user:inference"]}
    kept.write_text(json.dumps({"claudeAiOauth": {**login, "subscriptionType": "max"}}))
    company.asked.clear()
    with stack.behind(company):
        opus = stack.run("mixed", program("claude"), "-p", "AGAIN", "--model", "opus")
        haiku = stack.run("mixed", program("claude"), "-p", "AGAIN", "--model", "haiku")
        company.refusal = Failure(403, "the plan is used up", "permission_error")
        fallback = stack.run("mixed", program("claude"), "-p", "AGAIN", "--model", "opus")
        company.refusal = None
    assert "by subscription" in opus
    assert "resumed after 0 results" in haiku
    assert "resumed after 0 results" in fallback
    assert {asked.speech for asked in stack.provider.asked} == {"one-chunk"}
    assert [asked["authorization"] for asked in company.asked] == [f"Bearer {LOGIN}"] * len(company.asked)
    assert company.asked
    for asked in company.asked:
        assert not [secret for secret in stack.instance.secrets() if secret in str(asked)]
    stack.holds_only_its_own_key()

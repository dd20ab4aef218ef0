"""What a user sees of a stack that runs."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from tests import planted

from .instance import Instance, docker
from .provider_keys import plant_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

BOTH = ("timescaledb", "litellm")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, ready_database: dict[str, str]) -> Iterator[Instance]:
    """A healthy stack with the real LiteLLM, whose user has keys of providers."""
    stack = Instance(tmp_path_factory.mktemp("user"), release=ready_database)
    plant_keys(stack)
    try:
        with planted.Processes(every=0.01) as processes:
            stack.run("-v", "proxy", "start", "--profile", "demo")
        assert processes.seen == []
        yield stack
        stack.run("-v", "proxy", "stop", "--all")
    finally:
        stack.remove()


def test_healthy_is_what_the_engine_says(running: Instance) -> None:
    services = running.json("proxy", "status")["services"]
    for service in BOTH:
        assert services[service]["phase"] == "healthy"
        assert running.phase(service) == "running healthy"
        assert services[service]["id"] == running.inspect(service)["Id"]


def test_a_second_start_does_nothing(running: Instance) -> None:
    before = {service: running.inspect(service)["State"]["StartedAt"] for service in BOTH}
    assert running.start()["already_healthy"] is True
    assert {service: running.inspect(service)["State"]["StartedAt"] for service in BOTH} == before


def test_litellm_listens_on_loopback_alone_and_the_database_nowhere(running: Instance) -> None:
    ports = {service: running.inspect(service)["NetworkSettings"]["Ports"] for service in BOTH}
    found = {service: [row["HostIp"] for rows in ports[service].values() for row in rows or ()] for service in BOTH}
    assert found == {"litellm": ["127.0.0.1"], "timescaledb": []}


def test_the_database_has_timescaledb(running: Instance) -> None:
    rows = docker(
        *("exec", running.container("timescaledb"), "psql", "-qAtU", "postgres", "-d", "run_claude", "-c"),
        "SELECT extname FROM pg_extension WHERE extname = 'timescaledb'",
    )
    assert rows == "timescaledb"


def test_status_says_that_litellm_does_not_use_the_database(running: Instance) -> None:
    assert "RUN_CLAUDE_PRISMA=off" in running.run("proxy", "status").stdout


def test_health_asks_the_proxy_and_calls_no_model(running: Instance) -> None:
    assert running.json("proxy", "health")["ready"] is True


def test_logs_show_both_services_or_one(running: Instance) -> None:
    assert "database system is ready" in running.run("proxy", "logs").stdout
    assert "database system" not in running.run("proxy", "logs", "--service", "litellm").stdout


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_the_demo_streams_as_server_sent_events(running: Instance, path: str) -> None:
    key = running.json("env", "demo")["ANTHROPIC_AUTH_TOKEN"]
    request = {
        "model": "demo-sonnet",
        "max_tokens": 200,
        "stream": True,
        "messages": [{"role": "user", "content": "say hi"}],
    }
    with httpx.stream(
        "POST", running.url + path, json=request, headers={"Authorization": f"Bearer {key}"}, timeout=30
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line.startswith("data:")]
    assert len(lines) > 3, "an answer in one piece is no stream"
    assert "demo profile" in "".join(_text(json.loads(line[5:])) for line in lines if line[5:].strip() != "[DONE]")


def _text(event: dict[str, object]) -> str:
    if "choices" in event:
        return "".join(choice["delta"].get("content") or "" for choice in event["choices"])  # type: ignore[attr-defined]
    delta = event.get("delta")
    return str(delta.get("text") or "") if isinstance(delta, dict) else ""


def test_a_name_of_claudes_goes_to_the_profiles_model(running: Instance) -> None:
    done = running.run("models", "test", "claude-opus-4-8", "--route", "demo")
    assert "demo profile" in done.stdout
    assert "claude-opus-4-8 → demo-opus: opus of profile demo" in done.stderr
    error = running.run("models", "test", "gpt-nowhere", "--route", "demo", expect=10).stderr
    assert "There is no model 'gpt-nowhere'. Profile demo has opus (demo-opus)" in error


def test_no_client_gets_in_without_the_key(running: Instance) -> None:
    assert httpx.get(running.url + "/v1/models", timeout=10).status_code == 401


def test_with_hands_on_the_commands_exit_code_and_environment(running: Instance) -> None:
    done = running.run("with", "demo", "--", "sh", "-c", "echo $ANTHROPIC_BASE_URL; exit 7", expect=7)
    assert done.stdout.strip() == running.url


def test_with_says_when_there_is_no_such_command(running: Instance) -> None:
    assert "not found: no-such-command" in running.run("with", "demo", "--", "no-such-command", expect=127).stderr


def test_env_is_what_a_shell_takes(running: Instance) -> None:
    exports = running.run("env", "demo", "--export").stdout
    shell = subprocess.run(
        ["sh", "-c", exports + '\necho "$ANTHROPIC_BASE_URL"'], capture_output=True, text=True, check=True
    )
    assert shell.stdout.strip() == running.url


def test_rotated_secrets_are_in_force_at_once_and_no_secret_shows(running: Instance, tmp_path: Path) -> None:
    """In what commands print, in files, on the engine, on any command line of the machine."""
    before = running.secrets()
    with planted.Processes(every=0.01) as processes:
        running.run("-v", "secrets", "rotate", "--database")
        for arguments in (
            ("-v", "proxy", "start"),
            ("proxy", "status", "--json"),
            ("proxy", "health"),
            ("models", "test", "demo-opus"),
            ("proxy", "logs"),
            ("secrets", "show"),
            ("doctor", "--report", str(tmp_path / "report.md")),
        ):
            running.run(*arguments)
        planted.check_containers(running.name)
        planted.check_files(running.folder)
        planted.check_files(tmp_path)
    assert processes.looked > 100
    assert processes.seen == []
    changed = [was != now for was, now in zip(before, running.secrets(), strict=True)]
    assert changed == [True, True, False, False], "master key and database's password; not the salt key and the pages'"
    assert all(len(secret) > 20 for secret in running.secrets())
    assert "demo profile" in running.run("models", "test", "demo-opus").stdout
    assert running.sql_by_password("SELECT 1") == "1"

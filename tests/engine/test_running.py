"""What a user sees of a stack that runs."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from .commands import running
from .instance import docker

if TYPE_CHECKING:
    from .instance import Instance

__all__ = ["running"]

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

BOTH = ("timescaledb", "litellm")


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


def test_a_changed_key_shows_as_drift_and_the_next_start_applies_it(running: Instance) -> None:
    running.extra["GROQ_API_KEY"] = "gsk-planted-0123456789"  # it stays: without it LiteLLM would start once more
    assert running.json("proxy", "status")["drift"]
    assert running.start()["already_healthy"] is False
    assert running.json("proxy", "status")["drift"] == []


def test_rotated_secrets_are_in_force_at_once(running: Instance) -> None:
    before = running.secrets()
    running.run("secrets", "rotate", "--database")
    changed = [was != now for was, now in zip(before, running.secrets(), strict=True)]
    assert changed == [True, True, False, False], "master key and database's password; not the salt key and the pages'"
    assert "demo profile" in running.run("models", "test", "demo-opus").stdout
    assert running.sql_by_password("SELECT 1") == "1"


def test_no_secret_shows_anywhere(running: Instance) -> None:
    shown = [running.run("proxy", "status", "--json").stdout, running.run("proxy", "logs").stdout]
    shown += [running.run("proxy", "start", "-v").stderr, running.run("secrets", "show").stdout]
    shown += [json.dumps(running.inspect(service)) for service in BOTH]
    shown.append(docker("image", "history", "--no-trunc", running.inspect("litellm")["Image"]))
    shown += _process_list()
    for secret in running.secrets():
        assert len(secret) > 20
        assert not [text for text in shown if secret in text]


def _process_list() -> list[str]:
    lines = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            lines.append((entry / "cmdline").read_text(errors="replace"))
    return lines

"""The running stack: what it may do, what it tells, and that it answers."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from run_claude.domain.marks import mark_in

from .conftest import RUNNING
from .project import MASTER_KEY, PASSWORD, Project, docker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600), RUNNING]


def test_the_image_says_what_it_is_and_whether_it_has_prisma(image: str) -> None:
    config = json.loads(docker("image", "inspect", image))[0]["Config"]
    assert config["Labels"]["run-claude.image"] == "litellm"
    assert config["Labels"]["run-claude.prisma"] == "off"
    assert config["User"] not in ("", "0", "root", "0:0")


def test_the_image_has_no_compiler_and_no_installer(image: str) -> None:
    tools = "gcc g++ cc make uv npm"
    found = docker("run", "--rm", "--entrypoint", "sh", image, "-c", f"for t in {tools}; do command -v $t; done; true")
    assert found.strip() == ""


def test_pythons_own_library_is_compiled_where_the_base_image_has_no_bytecode(image: str, services: Path) -> None:
    # Docker's official images come without it.
    script = (
        "stdlib=$(python -c 'import sysconfig; print(sysconfig.get_path(\"stdlib\"))');"
        "rm $stdlib/__pycache__/argparse.*.pyc $stdlib/json/__pycache__/decoder.*.pyc; python /compile.py /opt/litellm;"
        "ls $stdlib/__pycache__/argparse.*.pyc $stdlib/json/__pycache__/decoder.*.pyc"
    )
    mount = f"{services / 'litellm/compile.py'}:/compile.py:ro"
    told = docker("run", "--rm", "--user", "0", "--volume", mount, "--entrypoint", "sh", image, "-c", script)
    assert len(told.split()) == 2


# --- hardening ----------------------------------------------------------------------------------------------------


def status(project: Project, container: str) -> dict[str, str]:
    """Return /proc/PID/status of the process that the container is there for."""
    name = "python" if container == project.litellm else "postgres"
    script = (
        f"for p in /proc/[0-9]*; do if grep -q '^Name:.{name}' $p/status 2>/dev/null; "
        "then cat $p/status; break; fi; done"
    )
    lines = docker("exec", container, "sh", "-c", script).splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_litellm_runs_as_nobody_in_particular_and_may_do_nothing(running: Project) -> None:
    process = status(running, running.litellm)
    assert process["Uid"].split() == ["10001"] * 4
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(process[capabilities], 16) == 0
    assert process["NoNewPrivs"] == "1"


def test_the_database_runs_as_postgres_with_what_its_entrypoint_needs(running: Project) -> None:
    process = status(running, running.timescaledb)
    assert "0" not in process["Uid"].split()
    assert int(process["CapEff"], 16) == 0
    chown, dac_override, fowner, kill, setgid, setuid = (1 << bit for bit in (0, 1, 3, 5, 6, 7))
    assert int(process["CapBnd"], 16) == chown | dac_override | fowner | kill | setgid | setuid
    assert process["NoNewPrivs"] == "1"


def test_both_containers_are_limited_and_closed(running: Project) -> None:
    for container in (running.litellm, running.timescaledb):
        host = running.inspect(container)["HostConfig"]
        assert host["ReadonlyRootfs"] is True
        assert host["Init"] is True
        assert host["Privileged"] is False
        assert host["Memory"] > 0
        assert host["PidsLimit"] > 0
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["LogConfig"]["Config"]["max-size"]
        bindings = [binding for ports in (host["PortBindings"] or {}).values() for binding in ports]
        published = {"127.0.0.1"} if container == running.litellm else set()  # the database's: only if it is asked for
        assert {binding["HostIp"] for binding in bindings} == published


def test_no_path_of_this_machine_is_mounted(running: Project) -> None:
    writable = {"/var/log/litellm", "/var/lib/postgresql/data"}
    for container in (running.litellm, running.timescaledb):
        mounts = running.inspect(container)["Mounts"]
        assert {mount["Type"] for mount in mounts} == {"volume"}
        assert {mount["Destination"] for mount in mounts if mount["RW"]} <= writable


def test_the_files_are_for_the_containers_user_alone(running: Project) -> None:
    modes = docker("exec", running.litellm, "stat", "-c", "%u %g %a", "/run/secrets", "/run/secrets/litellm.json")
    assert modes.splitlines() == ["0 10001 750", "0 10001 440"]
    assert "Permission denied" in docker(
        "exec", "--user", "12345:12345", running.litellm, "cat", "/run/secrets/litellm.json", check=False
    )
    assert "Permission denied" in docker(
        "exec", "--user", "postgres", running.timescaledb, "cat", "/run-claude/postgres_password", check=False
    )


@pytest.mark.parametrize("path", ["/app/callbacks/x.py", "/opt/litellm/x", "/etc/x", "/app/config/x"])
def test_nothing_in_the_image_can_be_changed(running: Project, path: str) -> None:
    refused = docker("exec", running.litellm, "sh", "-c", f"echo x >{path}", check=False)
    assert "Read-only file system" in refused or "Permission denied" in refused


def test_no_secret_is_in_what_the_engine_tells_of_image_and_container(running: Project, image: str) -> None:
    told = docker("history", "--no-trunc", image) + docker("image", "inspect", image)
    for container in (running.litellm, running.timescaledb):
        told += docker("inspect", container) + docker("logs", container) + docker("top", container)
    told += running.compose("config")
    for secret in (MASTER_KEY, PASSWORD, json.dumps(PASSWORD)[1:-1]):
        assert secret not in told


# --- health -------------------------------------------------------------------------------------------------------


def test_a_start_tells_its_steps_for_the_waterfall(running: Project) -> None:
    said = [mark_in(line, MASTER_KEY) for line in docker("logs", running.litellm).splitlines()]
    told = [text for text in said if text]
    assert told == ["entrypoint", "litellm imported", "serving"]


def test_health_is_told_without_a_key(running: Project) -> None:
    url = f"http://127.0.0.1:{running.port}"
    assert httpx.get(f"{url}/health", timeout=30).status_code == 401
    assert "ready" in docker("exec", running.litellm, "/app/healthcheck")
    assert running.inspect(running.litellm)["State"]["Health"]["Status"] == "healthy"


def test_a_probe_fails_at_once_when_nothing_listens(running: Project, image: str) -> None:
    script = "mkdir /tmp/run-claude; touch /tmp/run-claude/ready; /app/healthcheck; echo exit $?"
    told = docker("run", "--rm", "--entrypoint", "bash", image, "-c", script)
    assert told.split("\n")[:2] == ["nothing listens on port 4444", "exit 1"]


def test_a_server_that_hangs_is_unhealthy(image: str) -> None:
    server = "import socket, time; s = socket.create_server(('', 4444)); time.sleep(60)"
    script = (
        f'mkdir /tmp/run-claude; touch /tmp/run-claude/ready; python -c "{server}" & '
        "until (: </dev/tcp/127.0.0.1/4444) 2>/dev/null; do :; done; /app/healthcheck; echo exit $?"
    )
    told = docker("run", "--rm", "--entrypoint", "bash", image, "-c", script)
    assert told.split("\n")[:2] == ["no answer on /health/readiness within 5 s", "exit 1"]


ANSWERS = [
    (200, '{"status":"healthy","db":"Not connected"}', False, 0),
    (200, '{"status":"healthy","db":"Not connected"}', True, 1),
    (200, '{"status":"healthy","db":"connected"}', True, 0),
    (503, '{"status":"unhealthy"}', False, 1),
    (401, "{}", False, 1),
]


@pytest.mark.parametrize(("code", "body", "database", "exit_code"), ANSWERS)
def test_ready_is_what_answers_200_with_the_database_that_is_used(
    image: str, code: int, body: str, database: bool, exit_code: int
) -> None:
    server = (
        "import http.server as h\n"
        "class H(h.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        f"        self.send_response({code}); self.end_headers(); self.wfile.write({body.encode()!r})\n"
        "h.HTTPServer(('', 4444), H).serve_forever()\n"
    )
    marks = "/tmp/run-claude/ready" + (" /tmp/run-claude/database" if database else "")
    script = (
        f'mkdir /tmp/run-claude; touch {marks}; python -c "$SERVER" 2>/dev/null & '
        "until (: </dev/tcp/127.0.0.1/4444) 2>/dev/null; do :; done; /app/healthcheck; echo exit $?"
    )
    told = docker("run", "--rm", "--env", f"SERVER={server}", "--entrypoint", "bash", image, "-c", script)
    assert told.strip().endswith(f"exit {exit_code}")


def test_until_the_first_success_probes_follow_each_other_at_once(running: Project) -> None:
    for container in (running.litellm, running.timescaledb):
        check = running.inspect(container)["Config"]["Healthcheck"]
        assert check["StartInterval"] == 100_000_000  # ns; without it a start takes half a minute
        assert check["StartPeriod"] > 0, "the interval does nothing without it"


def test_litellm_does_not_wait_until_the_database_is_healthy_before_it_starts(running: Project) -> None:
    healthy = running.inspect(running.timescaledb)["State"]["Health"]["Log"][0]["End"]
    started = running.inspect(running.litellm)["State"]["StartedAt"]
    assert datetime.fromisoformat(started) < datetime.fromisoformat(healthy)


def test_everything_carries_the_name_of_the_instance(running: Project) -> None:
    label = f"--filter=label=com.docker.compose.project={running.name}"
    for kind in (("ps", "--format={{.Names}}"), ("volume", "ls", "-q"), ("network", "ls", "--format={{.Name}}")):
        names = docker(*kind, label).split()
        assert names
        assert all(name.startswith(f"{running.name}-") for name in names)


# --- answers ------------------------------------------------------------------------------------------------------

TOOL: dict[str, Any] = {"name": "Bash", "description": "run", "input_schema": {"type": "object", "properties": {}}}
MESSAGE = {"model": "demo-opus", "max_tokens": 50, "messages": [{"role": "user", "content": "say hi"}]}


def test_demo_answers_claude_code(running: Project) -> None:
    answer = running.post("/v1/messages", MESSAGE | {"tools": [TOOL]}).json()
    assert 'You said: "say hi"' in answer["content"][0]["text"]
    assert answer["stop_reason"] == "end_turn"


def test_demo_streams_to_claude_code_as_server_sent_events(running: Project) -> None:
    answer = running.post("/v1/messages", MESSAGE | {"stream": True, "tools": [TOOL]})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]
    assert events[0] == "message_start"
    assert events[-1] == "message_stop"
    assert events.count("content_block_delta") > 10, "word by word"


def test_demo_answers_openai_clients(running: Project) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    answer = running.post("/v1/chat/completions", MESSAGE | {"tools": tools}).json()
    assert "say hi" in answer["choices"][0]["message"]["content"]
    assert answer["usage"]["total_tokens"] > 0


def test_demo_streams_to_openai_clients(running: Project) -> None:
    answer = running.post("/v1/chat/completions", MESSAGE | {"stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    rows = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    assert rows[-1] == "[DONE]"
    words = [row["choices"][0]["delta"].get("content") or "" for row in map(json.loads, rows[:-1]) if row["choices"]]
    assert "say hi" in "".join(words)


def test_profiles_are_known_as_soon_as_they_are_written(running: Project) -> None:
    asked = MESSAGE | {"model": "claude-opus-4-8"}
    for name, model in (("first", "demo-haiku"), ("second", "demo-opus")):
        running.put_profiles(json.dumps({"profiles": {name: {"tiers": {"opus": model}}}}))
        answer = running.post("/v1/messages", asked, **{"x-run-claude-profile": name})
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-litellm-model-group"] == model
    error = running.post("/v1/messages", asked, **{"x-run-claude-profile": "first"}).json()["error"]
    assert "no profile 'first'" in error["message"]


def test_a_name_of_nothing_is_answered_with_what_there_is(running: Project) -> None:
    running.put_profiles(json.dumps({"profiles": {"mine": {"tiers": {"opus": "demo-opus"}}}}))
    answer = running.post("/v1/messages", MESSAGE | {"model": "gpt-5"}, **{"x-run-claude-profile": "mine"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert "opus (demo-opus)" in answer.json()["error"]["message"]


def test_demo_leaves_out_what_claude_code_says_for_itself(running: Project) -> None:
    said = [
        {"type": "text", "text": "my words"},
        {"type": "text", "text": "<system-reminder>not mine</system-reminder>"},
    ]
    answer = running.post("/v1/messages", MESSAGE | {"messages": [{"role": "user", "content": said}]}).json()
    assert 'You said: "my words"' in answer["content"][0]["text"]


# --- databases ----------------------------------------------------------------------------------------------------


def query(project: Project, database: str, sql: str) -> str:
    return docker("exec", project.timescaledb, "psql", "-U", "postgres", "-d", database, "-tAc", sql).strip()


def test_the_extension_is_where_prisma_never_looks(running: Project) -> None:
    extensions = "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"
    assert query(running, "run_claude", extensions) == "1"
    assert query(running, "litellm", extensions) == "0"


def test_the_database_demands_its_password_over_the_network(running: Project) -> None:
    ask = ("psql", "-h", "timescaledb", "-U", "postgres", "-d", "run_claude", "-tAc", "SELECT 1")
    assert docker("exec", "-e", f"PGPASSWORD={PASSWORD}", running.timescaledb, *ask).strip() == "1"
    assert "password authentication failed" in docker(
        "exec", "-e", "PGPASSWORD=wrong", running.timescaledb, *ask, check=False
    )

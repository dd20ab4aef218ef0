"""The doctor on a real engine: a healthy stack, spoilt ones that it mends, and a report without secrets."""

from __future__ import annotations

import json
import os
import pty
from typing import TYPE_CHECKING, Any

import pytest

from .instance import docker

if TYPE_CHECKING:
    from .instance import Instance

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(300)]


def marks(told: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in told["findings"]:
        found.setdefault(row["check"], []).append(row["mark"])
    return found


def failures(told: dict[str, Any]) -> set[str]:
    return {row["check"] for row in told["findings"] if row["mark"] == "failed"}


def test_a_healthy_stack_is_well_to_the_answer_of_a_model(running: Instance) -> None:
    told = running.json("doctor")
    assert told["well"], told
    answer = next(row for row in told["findings"] if row["check"] == "answer")
    assert "the demo model answers a message" in answer["text"]
    assert marks(told)["containers"] == ["ok", "ok"]


def test_nothing_is_changed_by_looking(running: Instance) -> None:
    def state() -> dict[str, tuple[int, bytes]]:
        files = [path for path in running.folder.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    ours = ("ps", "-aq", "--no-trunc", "--filter", f"name={running.name}")
    before, ids = state(), docker(*ours)
    running.run("doctor")
    assert state() == before
    assert docker(*ours) == ids


def test_a_stack_that_was_stopped_behind_its_back_is_started(running: Instance) -> None:
    docker("stop", running.container("litellm"))
    told = running.json("doctor", expect=1)
    assert failures(told) == {"containers"}
    told = running.json("doctor", "--fix")
    assert any("Started the stack" in line for line in told["repaired"])
    assert running.phase("litellm") == "running healthy"


def test_modes_missing_files_and_drift_are_mended(running: Instance) -> None:
    env_file = running.config / ".env"
    env_file.chmod(0o644)
    (running.services / "timescaledb/healthcheck").unlink()
    with env_file.open("a") as file:
        file.write("RUN_CLAUDE_LITELLM_PIDS=300\n")
    told = running.json("doctor", expect=1)
    assert failures(told) == {"secrets", "services", "drift"}
    told = running.json("doctor", "--fix")
    assert told["well"]
    assert env_file.stat().st_mode & 0o777 == 0o600
    assert (running.services / "timescaledb/healthcheck").is_file()
    assert running.inspect("litellm")["HostConfig"]["PidsLimit"] == 300
    assert len(told["repaired"]) == 3, told["repaired"]


def test_a_stack_that_was_stopped_on_purpose_is_well_and_stays_down(instance: Instance) -> None:
    instance.start("--no-db")
    instance.run("proxy", "stop", "--all")
    told = instance.json("doctor", "--fix")
    assert told["well"]
    assert told["repaired"] == []
    assert instance.phase("litellm") == "absent"


PLANTED = {
    "OPENAI_API_KEY": "sk-planted-in-env-file-0123456789",
    "MY_ODD_VALUE": "planted odd value/with ?signs",
    "VERTEXAI_CREDENTIALS": '{"private_key_id": "planted0123456789abcdef"}',
}
IN_PROCESS = {
    "AWS_SECRET_ACCESS_KEY": "plantedinprocess/abc+def",
    "HTTPS_PROXY": "http://jane:plantedproxy@192.0.2.1:1",
}
IN_LOG = ("sk-planted-in-log-987654321", "plantedbearer123456", "plantedurlpassword")


def test_no_planted_secret_is_in_a_report(instance: Instance) -> None:
    instance.run("install", "--no-build")
    with (instance.config / ".env").open("a") as file:
        file.writelines(f"{name}='{value}'\n" for name, value in PLANTED.items())
    instance.extra |= IN_PROCESS
    script = (
        f"echo key {IN_LOG[0]}; echo Authorization: Bearer {IN_LOG[1]}; echo postgresql://u:{IN_LOG[2]}@h/d;"
        f" echo '{PLANTED['MY_ODD_VALUE']}'; echo \"$(cat /run/secrets/litellm.json)\"; exit 1"
    )
    compose = instance.services / "docker-compose.yaml"
    text = compose.read_text().replace(
        "    init: true # handles", f"    entrypoint: {json.dumps(['sh', '-c', script])}\n    init: true # handles"
    )
    assert script[:8] in text
    compose.write_text(text.replace('echo \\"$(', 'echo \\"$$('))
    instance.run("proxy", "start", "--profile", "demo", "--no-db", expect=6)
    report = instance.folder / "report.md"
    instance.run("doctor", "--report", str(report), expect=1)
    on_screen = instance.run("doctor", "--report", "-", expect=1).stdout
    assert report.stat().st_mode & 0o777 == 0o600
    instance.run("proxy", "stop", "--all")  # its log has them, as it was staged
    secrets = [
        *instance.secrets(),
        *PLANTED.values(),
        *IN_PROCESS.values(),
        *IN_LOG,
        "plantedproxy",
        "planted0123456789",
    ]
    for told in (report.read_text(), on_screen):
        assert "## Last log lines of litellm" in told
        assert "key [redacted]" in told
        assert [secret for secret in secrets if secret in told] == []
        assert "planted" not in told.replace(str(instance.folder), "")


def test_a_terminal_gets_marks_and_a_pipe_gets_words(running: Instance) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        import sys

        os.execve(sys.executable, [sys.executable, "-m", "run_claude", "doctor"], running.environment)  # noqa: S606
    seen = b""
    try:
        while chunk := os.read(terminal, 4096):
            seen += chunk
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert "✓" in seen.decode()
    assert b"\x1b[32m" in seen
    piped = running.run("doctor").stdout
    assert "\x1b" not in piped
    assert piped.startswith("ok ")

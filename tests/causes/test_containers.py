"""Causes in the containers, on the real engine: what they print, how they end, what they are not given."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from run_claude.domain.diagnosis import Evidence, service_failure
from run_claude.domain.lifecycle import Phase, Service, ServiceState
from tests.engine.instance import docker
from tests.marks import SAY

from .expect import checked, fails
from .standins import edit_compose, litellm_runs

if TYPE_CHECKING:
    import subprocess

    from tests.engine.instance import Instance

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]
cause = pytest.mark.cause

WITH_DATABASE = ("proxy", "start", "--timeout", "60")


@pytest.mark.parametrize(
    ("code", "script"),
    [
        pytest.param(
            "callback-not-found",
            SAY + "say \"error: callback a.b: ModuleNotFoundError: No module named 'a'\"; exit 3",
            marks=cause("callback-not-found"),
        ),
        pytest.param(
            "litellm-config",
            SAY + "say 'error: litellm.json cannot be read by uid 7'; exit 78",
            marks=cause("litellm-config"),
        ),
        pytest.param("litellm-config", "exit 78", marks=cause("litellm-config")),
        pytest.param("database-unreachable", "exit 69", marks=cause("database-unreachable")),
        pytest.param(
            "database-password",
            SAY + "say entrypoint; echo 'Error: P1000: Authentication failed against `timescaledb`' >&2; exit 1",
            marks=cause("database-password"),
        ),
        pytest.param(
            "database-migration-failed",
            SAY + "say entrypoint; echo 'Error: P3009: migrate found failed migrations' >&2; exit 1",
            marks=cause("database-migration-failed"),
        ),
        pytest.param("container-looping", "echo 'Segmentation fault'; exit 139", marks=cause("container-looping")),
    ],
)
def test_what_the_proxy_ends_with_is_told(installed: Instance, code: str, script: str) -> None:
    litellm_runs(installed, script)
    error = fails(installed, code)
    assert error["facts"]["service"] == "litellm"
    assert error["facts"]["log"] == "run-claude proxy logs --service litellm"
    assert installed.phase("litellm") == "exited", "what cannot work must not be restarted for ever"


@cause("container-died")
def test_a_death_without_a_restart_is_told(installed: Instance) -> None:
    litellm_runs(installed, "echo 'last words'; exit 7", restart="no")
    error = fails(installed, "container-died")
    assert "exit code 7" in error["message"]
    assert "last words" in error["detail"]


@cause("container-unhealthy")
def test_an_unhealthy_proxy_names_the_level_that_fails(installed: Instance) -> None:
    probe = {"test": ["CMD", "false"], "interval": "1s", "retries": 1, "timeout": "1s", "start_period": "1ms"}
    litellm_runs(installed, "exec sleep 600", healthcheck=probe)
    error = fails(installed, "container-unhealthy", "proxy", "start", "--no-db", "--timeout", "30")
    assert error["facts"]["level"] == "answering"
    assert "nothing answers on its port" in error["message"]


@cause("start-timeout")
def test_a_start_that_takes_too_long_says_what_it_waits_for(installed: Instance) -> None:
    litellm_runs(installed, "echo 'thinking'; exec sleep 600")
    error = fails(installed, "start-timeout", "proxy", "start", "--no-db", "--timeout", "2")
    assert error["facts"]["waiting_for"] == ["litellm"]
    assert "litellm is still starting" in error["message"]
    assert "thinking" in error["detail"]


@cause("database-migration-timeout")
def test_a_migration_that_takes_too_long_is_told_as_one(installed: Instance) -> None:
    litellm_runs(installed, SAY + "say 'migrating the database'; exec sleep 600")
    fails(installed, "database-migration-timeout", "proxy", "start", "--no-db", "--timeout", "2")


@cause("out-of-memory")
def test_out_of_memory_names_the_limit_and_its_setting(installed: Instance) -> None:
    installed.extra["RUN_CLAUDE_LITELLM_MEMORY"] = "24m"
    litellm_runs(installed, "exec python3 -c 'bytearray(200 << 20)'")
    error = fails(installed, "out-of-memory")
    assert "limit 24 MB" in error["message"]
    assert "RUN_CLAUDE_LITELLM_MEMORY" in error["help"]
    assert error["facts"]["memory_limit"] == 24 << 20


def during_the_start(instance: Instance, *command: str) -> dict[str, Any]:
    """Do something to the proxy's container as soon as it runs; return the error of the start."""
    litellm_runs(instance, "exec sleep 600")
    process = instance.start_command("proxy", "start", "--no-db", "--timeout", "60", "--json")

    def interfere() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not instance.phase("litellm").startswith("running"):
            time.sleep(0.05)
        time.sleep(1)  # the observer has had its first look
        docker(*command, instance.container("litellm"))

    thread = threading.Thread(target=interfere)
    thread.start()
    done = instance.finish(process)
    thread.join()
    error: dict[str, Any] = json.loads(done.stdout)["error"]
    assert done.returncode == error["exit_code"]
    return error


@cause("container-paused")
def test_a_container_that_somebody_pauses_is_told(installed: Instance) -> None:
    error = checked(during_the_start(installed, "pause"), "container-paused")
    assert f"docker unpause {installed.container('litellm')}" in error["help"]
    docker("unpause", installed.container("litellm"))


@cause("container-removed")
def test_a_container_that_somebody_removes_is_told(installed: Instance) -> None:
    checked(during_the_start(installed, "rm", "--force"), "container-removed")


@cause("container-not-started")
def test_a_container_that_the_engine_cannot_start_is_told_in_its_words() -> None:
    # Compose fails itself when a start does; only another client can leave one in this state.
    state = ServiceState(phase=Phase.CREATED, id="a", name="x-litellm", error="no such device")
    error = checked(
        service_failure(Service.LITELLM, "not-started", state, Evidence()).as_json(), "container-not-started"
    )
    assert "no such device" in error["message"]


# --- the database -------------------------------------------------------------------------------------------------


@cause("database-version")
def test_a_volume_of_another_major_version_is_refused_before_the_start(installed: Instance) -> None:
    volume = f"{installed.name}-timescaledb-data"
    docker("volume", "create", "--label", f"com.docker.compose.project={installed.name}", volume)
    image = installed.environment["RUN_CLAUDE_TIMESCALEDB_IMAGE"]
    fill = ["run", "--rm", "--entrypoint", "sh", "-v", f"{volume}:/v", image, "-c", "echo 16 >/v/PG_VERSION"]
    docker(*fill)
    error = fails(installed, "database-version", *WITH_DATABASE)
    assert error["facts"]["volume_version"] == "16"
    assert installed.phase("timescaledb") == "absent", "it must not have been touched"


@cause("database-image")
def test_an_image_of_another_layout_is_told(installed: Instance) -> None:
    litellm_runs(installed, "exec sleep 600")
    installed.extra["RUN_CLAUDE_TIMESCALEDB_IMAGE"] = installed.environment["RUN_CLAUDE_PYTHON_IMAGE"]
    error = fails(installed, "database-image", *WITH_DATABASE)
    assert "docker-entrypoint.sh" in error["message"]


@cause("disk-full")
def test_a_full_disk_is_told(installed: Instance) -> None:
    def small(document: dict[str, Any]) -> None:
        options = {"type": "tmpfs", "device": "tmpfs", "o": "size=8m"}
        document["volumes"]["timescaledb-data"] |= {"driver": "local", "driver_opts": options}

    litellm_runs(installed, "exec sleep 600")
    edit_compose(installed, small)
    error = fails(installed, "disk-full", *WITH_DATABASE)
    assert error["facts"]["service"] == "timescaledb"


@cause("database-init-failed")
def test_a_failed_initialisation_is_told_with_its_last_lines(installed: Instance) -> None:
    litellm_runs(installed, "exec sleep 600")

    def fruitless(document: dict[str, Any]) -> None:
        document["services"]["timescaledb"].update(restart="no")
        document["services"]["timescaledb"]["environment"]["POSTGRES_INITDB_ARGS"] = "--locale=no-such-luck"

    edit_compose(installed, fruitless)
    error = fails(installed, "database-init-failed", *WITH_DATABASE)
    assert "no-such-luck" in error["detail"]


@cause("database-password-missing")
def test_a_database_without_a_password_is_told(installed: Instance) -> None:
    litellm_runs(installed, "exec sleep 600")

    def without(document: dict[str, Any]) -> None:
        document["services"]["timescaledb"]["environment"]["POSTGRES_PASSWORD_FILE"] = "/dev/null"

    edit_compose(installed, without)
    fails(installed, "database-password-missing", *WITH_DATABASE)


@cause("database-not-running", "not-started")
def test_what_needs_a_container_says_that_there_is_none(installed: Instance) -> None:
    fails(installed, "database-not-running", "secrets", "rotate", "--database")
    fails(installed, "not-started", "proxy", "logs")


@cause("command-not-found", "command-not-executable")
def test_a_command_that_cannot_be_run_has_the_shells_exit_code(installed: Instance) -> None:
    litellm_runs(installed, "exec sleep 600", healthcheck={"test": ["CMD", "true"], "interval": "1s"})
    start = ("--json", "with", "--no-db", "demo", "--")
    for code, name in (("command-not-found", "no-such-command"), ("command-not-executable", "/etc/hostname")):
        done = installed.run(*start, name, expect=None)
        error = checked(json.loads(done.stdout)["error"], code)
        assert done.returncode == error["exit_code"]


def test_people_are_told_the_cause_the_help_and_where_the_log_is(installed: Instance) -> None:
    litellm_runs(installed, "echo 'last words'; exit 7")
    done: subprocess.CompletedProcess[str] = installed.run("proxy", "start", "--no-db", expect=6)
    lines = done.stderr.splitlines()
    assert any("last words" in line for line in lines)
    starts = ("error:", "help:", "log:")
    told = [line for line in lines if line.startswith(starts)]
    assert [line.split(":")[0] + ":" for line in told] == list(starts)
    assert told[2].endswith("run-claude proxy logs --service litellm")

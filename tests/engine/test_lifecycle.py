"""A stack's life: it starts, stops, starts again, and what is in its database stays.

Those that need a database share a stack. Each begins by bringing it where it wants it: a new database costs 3 s of CPU.
"""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from .instance import Instance, docker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(400)]


def test_rows_survive_stop_removal_and_start(running: Instance) -> None:
    running.start()
    running.sql("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    running.run("proxy", "stop", "--with-db")
    assert (running.phase("timescaledb"), running.phase("litellm")) == ("exited", "exited")
    running.start()
    assert running.sql("SELECT count(*) FROM kept") == "1000"
    running.run("proxy", "stop", "--all")
    assert (running.phase("timescaledb"), running.phase("litellm")) == ("absent", "absent")
    running.start()
    assert running.sql("SELECT count(*) FROM kept") == "1000"
    running.sql("DROP TABLE kept")


def test_a_changed_key_shows_as_drift_and_the_next_start_applies_it(running: Instance) -> None:
    running.start()
    running.extra["GROQ_API_KEY"] = "gsk-planted-0123456789"
    assert running.json("proxy", "status")["drift"]
    assert running.start()["already_healthy"] is False
    assert running.json("proxy", "status")["drift"] == []
    del running.extra["GROQ_API_KEY"]


def test_without_the_database_only_the_proxy_runs(instance: Instance) -> None:
    started = instance.start("--no-db")
    assert list(started["services"]) == ["litellm"]
    assert instance.phase("timescaledb") == "absent"
    assert "demo profile" in instance.run("models", "test", "demo-opus").stdout
    instance.run("proxy", "stop")
    assert instance.phase("litellm") == "exited"
    instance.run("proxy", "restart")
    assert instance.phase("timescaledb") == "absent", "a restart must start what was wanted, and no more"


def test_two_instances_live_side_by_side(instance: Instance, tmp_path: Path) -> None:
    other = Instance(tmp_path / "other", release=instance.release)
    other.folder.mkdir()
    try:
        instance.start("--no-db")
        other.start("--no-db")
        instance.run("proxy", "stop", "--all")
        # Compose before 2.40 makes the volumes of services that it does not start, too.
        volumes = {f"{instance.name}-litellm-logs", f"{instance.name}-timescaledb-data"}
        assert set(instance.left_over()) <= volumes, "all but the volumes must be gone"
        assert other.phase("litellm") == "running healthy"
        assert "demo profile" in other.run("models", "test", "demo-opus").stdout
    finally:
        other.remove()


def _first_start_of(instance: Instance, service: str) -> Iterator[str]:
    """Yield once the engine has told that the service's container was started."""
    events = subprocess.Popen(
        ["docker", "events", "--filter", "event=start", "--filter", f"container={instance.container(service)}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield "listening"
        assert events.stdout is not None
        yield events.stdout.readline()
    finally:
        events.kill()
        events.communicate()


@pytest.mark.parametrize("service", ["litellm", "timescaledb"])
def test_a_death_ends_the_start_at_once_with_its_cause(running: Instance, service: str) -> None:
    running.run("proxy", "stop", "--all")
    started = _first_start_of(running, service)
    next(started)
    command = running.start_command("proxy", "start", "--profile", "demo", "--json", "--timeout", "60")
    next(started)
    docker("kill", running.container(service))
    done = running.finish(command)
    started.close()  # type: ignore[attr-defined]
    assert done.returncode == 6, done.stdout
    facts = json.loads(done.stdout)["error"]["facts"]
    assert (facts["service"], facts["exit_code"]) == (service, 137)
    assert running.phase(service) == "exited"


def test_an_unhealthy_container_ends_the_start_at_once_with_its_probes_words(instance: Instance) -> None:
    instance.run("install", "--no-build")
    compose = instance.services / "docker-compose.yaml"
    project = yaml.safe_load(compose.read_text())
    project["services"]["litellm"]["healthcheck"] = {
        "test": ["CMD-SHELL", "echo the probe says no; exit 1"],
        "interval": "1s",
        "start_period": "10ms",
    }
    compose.write_text(yaml.safe_dump(project))
    done = instance.run("proxy", "start", "--profile", "demo", "--no-db", "--timeout", "60", expect=6)
    assert "health check fails: the probe says no" in done.stderr
    assert instance.phase("litellm") == "running unhealthy"


@pytest.mark.quiet
def test_interrupted_it_ends_within_two_seconds_and_the_next_start_goes_on(instance: Instance) -> None:
    instance.run("install")
    started = _first_start_of(instance, "litellm")
    next(started)
    command = instance.start_command("proxy", "start", "--profile", "demo", "--no-db")
    next(started)
    command.send_signal(signal.SIGINT)
    command.wait(timeout=2)
    started.close()  # type: ignore[attr-defined]
    assert instance.finish(command).returncode == 130
    instance.start("--no-db")
    assert instance.phase("litellm") == "running healthy"


def test_watching_ends_with_ctrl_c_and_leaves_the_stack_running(instance: Instance) -> None:
    command = instance.start_command("proxy", "start", "--profile", "demo", "--no-db", "--watch")
    assert command.stderr is not None
    for line in command.stderr:
        if line.startswith("Watching"):
            break
    docker("restart", instance.container("litellm"))
    seen = ""
    assert command.stdout is not None
    for line in command.stdout:
        if "→" in line:
            seen = line
            break
    command.send_signal(signal.SIGINT)
    assert instance.finish(command).returncode == 130
    assert "litellm" in seen
    assert instance.inspect("litellm")["State"]["Running"]

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

from tests.stand_in.database import real

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


def _start_until(instance: Instance, service: str, *options: str) -> subprocess.Popen[str]:
    """Return a `proxy start` as it is when the service's container has been started, which is not yet healthy."""
    started = _first_start_of(instance, service)
    next(started)
    command = instance.start_command("proxy", "start", "--profile", "demo", *options)
    next(started)
    started.close()  # type: ignore[attr-defined]
    return command


def _check_death(instance: Instance, service: str) -> None:
    """Kill a service while it is started: the start ends at once, and tells the cause."""
    command = _start_until(instance, service, "--json", "--timeout", "60")
    docker("kill", instance.container(service))
    done = instance.finish(command)
    assert done.returncode == 6, done.stdout
    facts = json.loads(done.stdout)["error"]["facts"]
    assert (facts["service"], facts["exit_code"]) == (service, 137)
    assert instance.phase(service) == "exited"


def test_a_death_ends_the_start_at_once_with_its_cause(running: Instance) -> None:
    """The database's: below."""
    running.run("proxy", "stop", "--all")
    _check_death(running, "litellm")


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
def test_a_first_start_ends_at_once_and_the_next_goes_on_where_the_database_was_initialized(instance: Instance) -> None:
    """First the database dies while it initializes its new volume, then Ctrl-C comes meanwhile."""
    instance.extra |= real()
    instance.run("install")  # the image is no part of what is timed
    _check_death(instance, "timescaledb")
    instance.run("proxy", "stop", "--all")
    docker("volume", "rm", f"{instance.name}-timescaledb-data")  # as the error says: initdb may have ended half-way
    command = _start_until(instance, "litellm")
    initialized, name = "PostgreSQL init process complete", instance.container("timescaledb")
    assert instance.phase("timescaledb") == "running starting"
    assert initialized not in docker("logs", name)
    command.send_signal(signal.SIGINT)
    command.wait(timeout=2)
    assert instance.finish(command).returncode == 130
    instance.start()
    assert (instance.phase("timescaledb"), instance.phase("litellm")) == ("running healthy", "running healthy")
    assert initialized in docker("logs", name)


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

"""A stop is a shutdown and no crash: nothing is left for the next start to recover."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.stand_in.database import real

from .ends import ended
from .instance import docker

if TYPE_CHECKING:
    from collections.abc import Callable

    from .instance import Instance

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(300)]


def said(container: str) -> str:
    """Return the whole log of a container: PostgreSQL writes it on stderr."""
    return subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True).stderr


def test_a_stopped_database_has_shut_down(running: Instance) -> None:
    running.start()
    running.run("proxy", "stop", "--with-db")
    assert running.inspect("timescaledb")["State"]["ExitCode"] == 0
    name = running.container("timescaledb")
    stopped = said(name)
    running.start()
    printed = said(name).removeprefix(stopped)
    assert "not properly shut down" not in printed
    assert "was interrupted" not in printed


def with_database(stack: Instance) -> None:
    stack.run("proxy", "stop", "--with-db")


def everything(stack: Instance) -> None:
    stack.run("proxy", "stop", "--all")


@pytest.mark.parametrize("stop", [with_database, everything])
def test_litellm_has_ended_before_the_database_is_told_to(running: Instance, stop: Callable[[Instance], None]) -> None:
    """What it writes at its end, to the database: test_database_mode.py."""
    running.start()
    began = time.time()
    stop(running)
    told = ended(running, since=began)
    assert told.index("litellm die") < told.index("timescaledb kill")


def test_containers_that_are_made_anew_are_told_to_end_and_not_killed(
    running: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here LiteLLM does not use the database, and Compose may stop both at once. Where it does: test_database_mode.py.

    They are made with other settings than the shared stack's, and anew with those.
    """
    with monkeypatch.context() as other:
        other.setitem(running.extra, "RUN_CLAUDE_TIMESCALEDB_MEMORY", "900m")
        other.setitem(running.extra, "RUN_CLAUDE_LITELLM_MEMORY", "1900m")
        running.start()
    before, began = {running.inspect(service)["Id"] for service in ("timescaledb", "litellm")}, time.time()
    running.start()
    assert not before & {running.inspect(service)["Id"] for service in ("timescaledb", "litellm")}
    told = ended(running, since=began, told='{{.Action}} {{index .Actor.Attributes "signal"}}')
    # SIGTERM, and no SIGKILL after it.
    assert {line.strip() for line in told if "kill" in line} == {"timescaledb kill 15", "litellm kill 15"}


def test_a_client_that_stays_is_disconnected_and_not_waited_for_until_the_kill(running: Instance) -> None:
    """On SIGTERM the database waits for LiteLLM, and for nobody longer than that may take."""
    running.start()
    name = running.container("timescaledb")
    before = said(name)
    docker("exec", "--detach", name, "psql", "-U", "postgres", "-c", "SELECT pg_sleep(600)")
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
    while running.sql(query) == "0":
        time.sleep(0.1)
    running.run("proxy", "stop", "--with-db")
    assert running.inspect("timescaledb")["State"]["ExitCode"] == 0
    assert "database system is shut down" in said(name).removeprefix(before)


def test_a_new_volume_can_be_given_up_half_way(instance: Instance) -> None:
    """While it is initialized, what runs is the image's own script."""
    instance.extra |= real()
    with instance.start_command("proxy", "start", "--profile", "demo") as command:
        while instance.phase("timescaledb") in ("absent", "created"):
            time.sleep(0.05)
        docker("stop", "--signal", "SIGINT", instance.container("timescaledb"))
        instance.finish(command)
    assert instance.inspect("timescaledb")["State"]["ExitCode"] != 137, "it was not killed"

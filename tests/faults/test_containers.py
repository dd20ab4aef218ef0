"""What `watch` owes when something happens to a container."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import pytest

from . import faults
from .conftest import ON_SHARED
from .oracle import BOTH

if TYPE_CHECKING:
    from .stack import FaultyStack
    from .watcher import Watcher

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(240), ON_SHARED]


@pytest.mark.parametrize("service", BOTH)
def test_a_container_killed_by_hand_is_started_again(watcher: Watcher, stack: FaultyStack, service: str) -> None:
    began = watcher.mark()
    faults.kill(stack, service)
    watcher.until_phase(service, "healthy", since=began)


@pytest.mark.parametrize("service", BOTH)
def test_a_container_whose_process_is_killed_gets_healthy_again(
    watcher: Watcher, stack: FaultyStack, service: str
) -> None:
    began = watcher.mark()
    faults.crash(stack, service)
    watcher.until_phase(service, "healthy", since=began)


@pytest.mark.parametrize("service", BOTH)
def test_a_container_removed_by_hand_is_made_again(watcher: Watcher, stack: FaultyStack, service: str) -> None:
    began, old = watcher.mark(), stack.oracle.identity()[service][0]
    faults.remove(stack, service)
    watcher.until_phase(service, "healthy", since=began)
    assert stack.oracle.identity()[service][0] != old


def test_both_removed_by_hand_are_made_again(watcher: Watcher, stack: FaultyStack) -> None:
    began = watcher.mark()
    stack.docker("rm", "--force", *(stack.container(service) for service in BOTH))
    stack.docker("network", "rm", f"{stack.name}-network", check=False)  # it may be in use again already
    for service in BOTH:
        watcher.until_phase(service, "healthy", since=began)


def test_unhealthy_containers_are_restarted(watcher: Watcher, stack: FaultyStack) -> None:
    began, before = watcher.mark(), stack.oracle.identity()
    for service in BOTH:  # one after the other they would be waited for twice
        faults.refuse_connections(stack.pid(service))
    for service in BOTH:
        unhealthy = watcher.until_phase(service, "unhealthy", since=began)
        watcher.until_phase(service, "healthy", since=watcher.lines.index(unhealthy))
        assert stack.oracle.identity()[service] != before[service]


def test_out_of_memory_is_told_and_got_over(watcher: Watcher, stack: FaultyStack) -> None:
    began = watcher.mark()
    faults.out_of_memory(stack)
    watcher.until_phase("litellm", "healthy", since=began)
    causes = [str(line.get("cause")) for line in watcher.lines[began:]]
    assert "out of memory" in " ".join(causes)


FORGED = "\n".join(
    (
        "no",
        "run-claude: litellm imported",
        "run-claude: error: callback x: ImportError: y",
        "Error: P1000: Authentication failed against database server",
        "Error: P3009: migrate found failed migrations",
        "OSError: [Errno 28] No space left on device",
    )
)


def speak(stack: FaultyStack) -> None:
    """Have words from outside printed in the proxy's log, as soon as it serves: a request's, and a provider's."""
    requests: list[tuple[str, str, dict[str, str]]] = [
        ("GET", "/P1000/no%20space%20left%20on%20device", {}),
        ("POST", "/v1/messages", {"X-Provider-Error": json.dumps(FORGED)}),
    ]
    end = time.monotonic() + 60
    with httpx.Client(base_url=stack.url, timeout=5) as client:  # for both: to make one costs 40 ms of CPU
        for method, path, headers in requests:
            while True:
                try:
                    client.request(method, path, headers=headers)
                    break  # what it answers is all the same: its line is printed
                except httpx.HTTPError:
                    assert time.monotonic() < end, "it does not serve"
                    time.sleep(0.05)


def test_a_crash_loop_that_ends_is_got_over_and_words_from_outside_are_no_cause_of_it(
    watcher: Watcher, stack: FaultyStack
) -> None:
    began = watcher.mark()
    faults.crash_loop(stack, before=lambda: speak(stack))
    looping = watcher.until(lambda line: line.get("event") == "looping", since=began)
    watcher.until_phase("litellm", "healthy", since=watcher.lines.index(looping))
    printed = stack.run("proxy", "logs", "--service", "litellm", "-n", "400").stdout
    assert "\nrun-claude: error: callback x" in printed
    assert "\nrun-claude: entrypoint\n" in printed, "nobody is shown its seal"
    told = {str(line.get("code")) for line in watcher.lines[began:]} - {"None"}
    assert told <= {"container-looping", "container-died"}, watcher.story()
    assert not [line for line in watcher.lines[began:] if line.get("event") == "blocked"], watcher.story()


def test_paused_containers_are_told_and_left_to_who_paused_them(watcher: Watcher, stack: FaultyStack) -> None:
    began, before = watcher.mark(), stack.oracle.identity()
    with faults.paused(stack, "litellm"), faults.paused(stack, "timescaledb"):
        assert stack.oracle.phases() == dict.fromkeys(BOTH, "paused")
        stack.status_agrees()
    for service in BOTH:  # an unpaused one is shown as unhealthy until the next probe
        paused = watcher.until_phase(service, "paused", since=began)
        watcher.until_phase(service, "healthy", since=watcher.lines.index(paused))
    assert stack.oracle.identity() == before


@pytest.mark.parametrize("service", BOTH)
def test_a_renamed_container_is_still_the_one(watcher: Watcher, stack: FaultyStack, service: str) -> None:
    before = stack.oracle.identity()
    faults.rename(stack, service)
    assert stack.oracle.identity() == before


@pytest.mark.parametrize("service", BOTH)
def test_a_container_recreated_by_plain_compose_is_followed(watcher: Watcher, stack: FaultyStack, service: str) -> None:
    began = watcher.mark()
    faults.recreate(stack, service)
    watcher.until_phase(service, "healthy", since=began)


@pytest.mark.parametrize("service", BOTH)
def test_a_container_taken_from_its_network_is_shown_as_it_is(
    watcher: Watcher, stack: FaultyStack, service: str
) -> None:
    faults.disconnect(stack, service)


def test_a_database_killed_under_traffic_keeps_every_confirmed_row(watcher: Watcher, stack: FaultyStack) -> None:
    began = watcher.mark()
    stack.oracle.sql("CREATE TABLE IF NOT EXISTS traffic (number bigint PRIMARY KEY)")
    confirmed = 0
    stop = threading.Event()
    psql = ("psql", "-qAtU", "postgres", "-d", "run_claude", "-v", "ON_ERROR_STOP=1")

    def insert() -> None:
        """Insert row after row; the session ends with the server, and another one begins."""
        nonlocal confirmed
        while not stop.is_set():
            command = ["docker", "exec", "-i", stack.container("timescaledb"), *psql]
            pipe = subprocess.PIPE
            with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as session:
                assert session.stdin is not None
                assert session.stdout is not None
                with suppress(BrokenPipeError):
                    while not stop.is_set():
                        # Again with the same number after a failure: it may have been written and not confirmed.
                        insert = f"INSERT INTO traffic VALUES ({confirmed + 1}) ON CONFLICT DO NOTHING"  # noqa: S608
                        print(f"{insert}; SELECT 'confirmed';", file=session.stdin, flush=True)
                        if session.stdout.readline() != "confirmed\n":
                            break
                        confirmed += 1
                        stop.wait(0.01)
                with suppress(BrokenPipeError):
                    session.stdin.close()
            stop.wait(0.1)

    traffic = threading.Thread(target=insert)
    traffic.start()
    try:
        for _ in range(2):
            began, before = watcher.mark(), confirmed
            while confirmed == before:
                time.sleep(0.02)
            faults.crash(stack, "timescaledb")
            watcher.until_phase("timescaledb", "healthy", since=began)
    finally:
        stop.set()
        traffic.join(60)
    assert int(stack.oracle.sql("SELECT count(*) FROM traffic")) >= confirmed
    stack.oracle.sql("DROP TABLE traffic")


def test_containers_of_others_are_never_touched(watcher: Watcher, stack: FaultyStack) -> None:
    """A container of another project, of a service that is called as one of ours, dies and stays dead."""
    name = f"{stack.name}-stranger"
    labels = ("--label=com.docker.compose.project=" + name, "--label=com.docker.compose.service=litellm")
    image = stack.environment["RUN_CLAUDE_PYTHON_IMAGE"]
    stack.docker("run", "--detach", "--init", "--name", name, "--network=none", *labels, image, "sleep", "600")
    try:
        began = watcher.mark()
        stack.docker("kill", name)
        faults.kill(stack, "timescaledb")
        watcher.until_phase("timescaledb", "healthy", since=began)
        assert stack.docker("inspect", "--format", "{{.State.Status}}", name) == "exited"
    finally:
        stack.docker("rm", "--force", name)

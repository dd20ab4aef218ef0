"""What `watch` owes when something happens to a container."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from . import faults
from .oracle import BOTH

if TYPE_CHECKING:
    from .stack import FaultyStack
    from .watcher import Watcher

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(240)]


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


@pytest.mark.parametrize("service", BOTH)
def test_an_unhealthy_container_is_restarted(watcher: Watcher, stack: FaultyStack, service: str) -> None:
    began, before = watcher.mark(), stack.oracle.identity()[service]
    faults.break_probe(stack, service)
    watcher.until_phase(service, "healthy", since=began)
    assert stack.oracle.identity()[service] != before


def test_out_of_memory_is_told_and_got_over(watcher: Watcher, stack: FaultyStack) -> None:
    began = watcher.mark()
    faults.out_of_memory(stack)
    watcher.until_phase("litellm", "healthy", since=began)
    causes = [str(line.get("cause")) for line in watcher.lines[began:]]
    assert "out of memory" in " ".join(causes)


def test_a_crash_loop_that_ends_is_got_over(watcher: Watcher, stack: FaultyStack) -> None:
    began = watcher.mark()
    faults.crash_loop(stack)
    watcher.until_phase("litellm", "healthy", since=began)


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
    for method, path, headers in requests:
        while True:
            try:
                httpx.request(method, f"{stack.url}{path}", headers=headers, timeout=5)
                break  # what it answers is all the same: its line is printed
            except httpx.HTTPError:
                assert time.monotonic() < end, "it does not serve"
                time.sleep(0.05)


def test_words_from_outside_before_each_crash_are_no_cause_and_end_no_healing(
    watcher: Watcher, stack: FaultyStack
) -> None:
    began = watcher.mark()
    faults.crash_loop(stack, before=lambda: speak(stack))
    watcher.until_phase("litellm", "healthy", since=began)
    printed = stack.run("proxy", "logs", "--service", "litellm", "-n", "400").stdout
    assert "\nrun-claude: error: callback x" in printed
    assert "\nrun-claude: entrypoint\n" in printed, "nobody is shown its seal"
    told = {str(line.get("code")) for line in watcher.lines[began:]} - {"None"}
    assert told <= {"container-looping", "container-died"}, watcher.story()
    assert not [line for line in watcher.lines[began:] if line.get("event") == "blocked"], watcher.story()


@pytest.mark.parametrize("service", BOTH)
def test_a_paused_container_is_told_and_left_to_who_paused_it(
    watcher: Watcher, stack: FaultyStack, service: str
) -> None:
    began, before = watcher.mark(), stack.oracle.identity()[service]
    faults.pause(stack, service)
    watcher.until_phase(service, "paused", since=began)
    watcher.until_phase(service, "healthy", since=began)
    assert stack.oracle.identity()[service] == before  # an unpaused one is shown as unhealthy until the next probe


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

    def insert() -> None:
        nonlocal confirmed
        while not stop.is_set():
            number = confirmed + 1
            command = (
                "docker",
                "exec",
                stack.container("timescaledb"),
                "psql",
                "-qAtU",
                "postgres",
                "-d",
                "run_claude",
            )
            # Again with the same number after a failure: it may have been written and not confirmed.
            statement = f"INSERT INTO traffic VALUES ({number}) ON CONFLICT DO NOTHING"  # noqa: S608 (a number)
            done = subprocess.run([*command, "-c", statement], capture_output=True, timeout=60, check=False)
            confirmed += done.returncode == 0

    traffic = threading.Thread(target=insert)
    traffic.start()
    try:
        for _ in range(2):
            began = watcher.mark()
            faults.crash(stack, "timescaledb")
            watcher.until_phase("timescaledb", "healthy", since=began)
    finally:
        stop.set()
        traffic.join(60)
    assert confirmed > 0
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

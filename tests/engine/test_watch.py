"""Who looks after a running stack: `watch`, `proxy start --watch`, `with`; what status and history say of it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from .instance import Instance, docker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.slow, pytest.mark.timeout(240)]

WITHIN = 60.0  # seconds


def wait_for(what: str, done: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def watched(stack: Instance) -> str:
    return str(stack.json("proxy", "status")["watcher"])


@pytest.fixture
def started(running: Instance) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start commands that stay until they are told to end."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        processes.append(running.start_command(*arguments))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


def heals(stack: Instance, service: str) -> None:
    docker("kill", stack.container(service))
    wait_for(f"{service} is not healed", lambda: stack.phase(service) == "running healthy")


@pytest.mark.parametrize("command", [["watch"], ["proxy", "start", "--watch"]], ids=" ".join)
def test_what_fails_is_healed_and_the_watcher_shows_in_status(
    running: Instance, started: Callable[..., subprocess.Popen[str]], command: list[str]
) -> None:
    watcher = started(*command)
    wait_for("no watcher", lambda: str(watcher.pid) in watched(running))
    heals(running, "litellm")
    watcher.send_signal(signal.SIGTERM)
    done = running.finish(watcher)
    assert done.returncode == (0 if command == ["watch"] else 143)
    assert "healing: starting litellm (exited with 137)" in done.stdout
    assert watched(running) == ""


def test_a_second_watcher_says_who_watches(running: Instance, started: Callable[..., subprocess.Popen[str]]) -> None:
    first = started("watch")
    wait_for("no watcher", lambda: str(first.pid) in watched(running))
    error = running.json("watch", expect=9)["error"]
    assert error["code"] == "already-watched"
    assert str(first.pid) in error["message"]


def test_a_stop_of_ours_is_respected(running: Instance, started: Callable[..., subprocess.Popen[str]]) -> None:
    watcher = started("watch")
    wait_for("no watcher", lambda: str(watcher.pid) in watched(running))
    running.run("proxy", "stop")
    time.sleep(3)
    assert running.phase("litellm") == "exited"
    running.start()
    heals(running, "litellm")


def test_with_tells_of_a_proxy_that_goes_away_and_comes_back_and_never_ends_the_command(running: Instance) -> None:
    name = running.container("litellm")
    # Plain docker does both, so that what is told comes from the observer alone; the command ends when all was told.
    command = running.start_command(
        "with", "demo", "--", "sh", "-c", f"docker kill {name}; cat; echo survived; exit 7", stdin=subprocess.PIPE
    )
    assert command.stderr is not None and command.stdin is not None
    told = read_until(command.stderr, "the proxy is exited (")
    docker("start", name)
    told += read_until(command.stderr, "the proxy is back")
    command.stdin.close()
    command.stdin = None
    done = running.finish(command)
    assert done.returncode == 7
    assert "survived" in done.stdout
    assert "Traceback" not in told


def read_until(lines: Iterable[str], wanted: str) -> str:
    """Read up to the line that has the words, and return all of it."""
    told = ""
    for line in lines:
        told += line
        if wanted in line:
            return told
    raise AssertionError(f"not told: {wanted}\n{told}")


def test_the_history_has_each_start_with_its_time_and_longest_step(running: Instance) -> None:
    before = len(_rows(running))
    running.run("proxy", "restart")
    rows = [row for row in _rows(running)[before:] if row["event"] in ("stopped", "started")]
    assert [row["event"] for row in rows] == ["started"]  # a restart is no stop of the user's
    assert rows[-1]["services"] == ["timescaledb", "litellm"]
    assert 0 < rows[-1]["slowest_seconds"] <= rows[-1]["seconds"]
    shown = running.run("history", "-n", "1").stdout
    assert "started: timescaledb and litellm healthy after" in shown
    assert "longest step: " in shown


def _rows(stack: Instance) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stack.run("history", "--json").stdout.splitlines()]

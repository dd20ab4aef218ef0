"""What `watch` owes when no restart mends it: it stops, says what would, and goes on when the cause is gone."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from run_claude.config.settings import load_settings

from . import faults
from .conftest import ON_SHARED

if TYPE_CHECKING:
    from .stack import FaultyStack
    from .watcher import Watcher

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(240), ON_SHARED]

DATA = "/var/lib/postgresql/data"


def left_alone(watcher: Watcher, since: int, stack: FaultyStack) -> None:
    """Assert that nothing is done any more: what may help is tried again after 0.2 s, what cannot after 5 s."""
    told, before = watcher.actions(since), stack.oracle.identity()
    time.sleep(2)
    assert (watcher.actions(since), stack.oracle.identity()) == (told, before), watcher.story()
    assert stack.divergence() == ""


def test_a_port_that_is_stolen_is_told_and_used_again_when_it_is_free(watcher: Watcher, stack: FaultyStack) -> None:
    began = watcher.mark()
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # It lies in wait: the port is its own a millisecond after the container's end.
        stealing = threading.Thread(target=_bind, args=(thief, stack.port))
        stealing.start()
        stack.docker("rm", "--force", stack.container("litellm"))
        stealing.join()
        blocked = watcher.until(lambda line: "port" in str(line.get("code", "")), since=began)
        assert str(stack.port) in str(blocked)
        left_alone(watcher, began, stack)
    watcher.until_phase("litellm", "healthy", since=began)


def _bind(thief: socket.socket, port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            thief.bind(("127.0.0.1", port))
            thief.listen()
            return
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.001)


def test_a_broken_configuration_is_told_and_mended(watcher: Watcher, stack: FaultyStack) -> None:
    config = load_settings(stack.environment).paths.litellm_config
    good = config.read_bytes()
    began = watcher.mark()
    config.write_bytes(b"model_list: [\n")
    try:
        faults.kill(stack, "litellm")
        watcher.until(lambda line: line.get("event") == "blocked" and line.get("service") == "litellm", since=began)
        left_alone(watcher, began, stack)
    finally:
        config.write_bytes(good)
    watcher.until_phase("litellm", "healthy", since=began)


def test_a_full_disk_is_told_and_got_over_without_a_lost_row(watcher: Watcher, stack: FaultyStack) -> None:
    if os.geteuid() != 0:
        pytest.skip("a loop device needs root")
    began = watcher.mark()
    database = stack.container("timescaledb")
    ballast = f"{DATA}/ballast"
    try:
        stack.docker("exec", database, "sh", "-c", f"dd if=/dev/zero of={ballast} bs=1M; true", check=False)
        for _ in range(4):  # until it needs a new segment of its log, for which there is no room
            stack.oracle.sql("SELECT pg_switch_wal(); SELECT pg_logical_emit_message(true, '', 'x')", check=False)
        watcher.until(
            lambda line: line.get("service") == "timescaledb" and "disk" in str(line.get("code", "")), since=began
        )
        left_alone(watcher, began, stack)
    finally:
        _without_ballast(stack)
    watcher.until_phase("timescaledb", "healthy", since=began)


def _without_ballast(stack: FaultyStack) -> None:
    image = stack.environment["RUN_CLAUDE_TIMESCALEDB_IMAGE"]
    volume = f"{stack.name}-timescaledb-data:/data"
    remove = ("--rm", "--network=none", "--volume", volume, "--entrypoint=sh", image, "-c", "rm /data/ballast*")
    stack.docker("run", *remove)

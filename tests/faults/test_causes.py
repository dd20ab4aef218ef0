"""What `watch` owes when no restart mends it: it stops, says what would, and goes on when the cause is gone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from run_claude.config.settings import load_settings
from tests import runs

from . import faults
from .stack import FaultyStack
from .watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(240)]


def left_alone(stack: FaultyStack, service: str) -> None:
    """Assert that nothing is started again and again: two starts in six seconds would be a loop."""
    seen = set()
    end = time.monotonic() + 6
    while time.monotonic() < end:
        row = stack.oracle.inspect(service)
        seen.add((row["Id"], row["State"]["StartedAt"]) if row else None)
        time.sleep(0.1)
    assert len(seen) <= 3, seen


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
        left_alone(stack, "litellm")
        assert stack.divergence() == ""
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
        watcher.until(lambda line: line.get("service") == "litellm" and bool(line.get("code")), since=began)
        left_alone(stack, "litellm")
        assert stack.divergence() == ""
    finally:
        config.write_bytes(good)
    watcher.until_phase("litellm", "healthy", since=began)


# --- a full disk --------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(megabytes: int) -> Iterator[str]:
    """Yield a block device of its own with an empty file system."""
    folder = runs.folder("rcf")
    image = folder / "disk"
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    # initdb wants an empty folder.
    subprocess.run(["debugfs", "-w", "-R", "rmdir lost+found", str(image)], capture_output=True, check=True)
    device = subprocess.run(
        ["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=False)
        shutil.rmtree(folder)


@pytest.fixture
def cramped(tmp_path: Path, stand_in_release: dict[str, str]) -> Iterator[FaultyStack]:
    """A stack whose database has a disk of 200 MB."""
    if os.geteuid() != 0:
        pytest.skip("a loop device needs root")
    with small_disk(200) as device:
        stack = FaultyStack(tmp_path / "user", stand_in_release)
        try:
            labels = (f"com.docker.compose.project={stack.name}", "com.docker.compose.volume=timescaledb-data")
            options = ("type=ext4", f"device={device}")
            stack.docker(
                *("volume", "create", *(f"--label={label}" for label in labels)),
                *(f"--opt={option}" for option in options),
                f"{stack.name}-timescaledb-data",
            )
            stack.up()
            stack.plant(100)
            yield stack
        finally:
            stack.remove()


def test_a_full_disk_is_told_and_got_over_without_a_lost_row(cramped: FaultyStack) -> None:
    stack = cramped
    data = "/var/lib/postgresql/data"
    with Watcher(stack.environment) as watcher:
        watcher.until_watching()
        began = watcher.mark()
        database = stack.container("timescaledb")
        stack.docker("exec", database, "sh", "-c", f"dd if=/dev/zero of={data}/ballast bs=1M; true", check=False)
        for _ in range(4):  # until it needs a new segment of its log, for which there is no room
            stack.oracle.sql("SELECT pg_switch_wal(); SELECT pg_logical_emit_message(true, '', 'x')", check=False)
        told = watcher.until(
            lambda line: line.get("service") == "timescaledb" and "disk" in str(line.get("code", "")), since=began
        )
        assert told
        left_alone(stack, "timescaledb")
        assert stack.divergence() == ""
        _without_ballast(stack)
        watcher.until_phase("timescaledb", "healthy", since=began)
        stack.oracle.until_healthy()
        stack.owes_nothing()


def _without_ballast(stack: FaultyStack) -> None:
    image = stack.environment["RUN_CLAUDE_TIMESCALEDB_IMAGE"]
    volume = f"{stack.name}-timescaledb-data:/data"
    remove = ("--rm", "--network=none", "--volume", volume, "--entrypoint=sh", image, "-c", "rm /data/ballast*")
    stack.docker("run", *remove)

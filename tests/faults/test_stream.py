"""What `watch` owes when the connection to the engine breaks again and again."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import runs

from . import faults
from .conftest import ON_SHARED
from .proxy import CuttingProxy
from .watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .stack import FaultyStack

pytestmark = [pytest.mark.engine, pytest.mark.slow(20), pytest.mark.timeout(300), ON_SHARED]

CUTS = 14  # a hundred of them: tests/unit/docker/test_observer.py, on the fake engine


@pytest.fixture
def proxy() -> Iterator[CuttingProxy]:
    """A proxy between a watcher and the engine."""
    folder = runs.folder("rcf")
    with CuttingProxy(folder / "docker.sock", "/var/run/docker.sock") as proxy:
        yield proxy
    shutil.rmtree(folder)


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def until_followed(proxy: CuttingProxy) -> None:
    end = time.monotonic() + 30
    while not proxy.streams:
        assert time.monotonic() < end, "the watcher does not come back"
        time.sleep(0.02)


def test_many_cuts_are_got_over_and_nothing_leaks(stack: FaultyStack, proxy: CuttingProxy) -> None:
    before = stack.oracle.identity()
    with Watcher({**stack.environment, "DOCKER_HOST": proxy.host}) as watcher:
        watcher.until_watching()
        until_followed(proxy)
        files = open_files(watcher.process.pid)
        for number in range(CUTS):
            assert proxy.cut()
            until_followed(proxy)
            if number == CUTS // 2:
                time.sleep(2.1)  # a spell that is long enough to count as good: the back-off begins anew
        assert open_files(watcher.process.pid) <= files + CUTS // 5
        assert stack.oracle.identity() == before, "a cut is no reason to act"
        began = watcher.mark()
        faults.kill(stack, "timescaledb")
        # What it tells of the last cut, that all is healthy again, may come after the mark.
        killed = watcher.until_phase("timescaledb", "exited", since=began)
        watcher.until_phase("timescaledb", "healthy", since=watcher.lines.index(killed))
        assert open_files(watcher.process.pid) <= files + 6  # it may still be healing: its lock, a file, connections

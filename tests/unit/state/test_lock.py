"""One writer at a time, whatever becomes of the others."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from run_claude.errors import BusyError
from run_claude.state.lock import holder_of, lock

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

HOLDER = """
import sys, time, anyio
from pathlib import Path
from run_claude.state.lock import lock

async def main():
    async with lock(Path(sys.argv[1]), "proxy start"):
        print("held", flush=True)
        await anyio.sleep(60)

anyio.run(main)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "lock"


def held_by_another_process(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


async def test_two_holders_never_overlap(path: Path) -> None:
    inside, most = 0, 0

    async def work() -> None:
        nonlocal inside, most
        async with lock(path, "work"):
            inside += 1
            most = max(most, inside)
            await anyio.lowlevel.checkpoint()
            inside -= 1

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(work)
    assert most == 1


async def test_who_waits_is_told_for_whom(path: Path) -> None:
    holder, told = held_by_another_process(path), list[str]()
    try:
        assert holder_of(path) == f"run-claude proxy start (pid {holder.pid})"
        with pytest.raises(BusyError, match="proxy start"):
            async with lock(path, "proxy stop", wait=0.05, on_wait=told.append):
                pass
        assert told == [f"run-claude proxy start (pid {holder.pid})"]
    finally:
        holder.kill()
        holder.communicate()


async def test_a_killed_holder_lets_go_at_once(path: Path) -> None:
    holder = held_by_another_process(path)

    def kill(_holder: str) -> None:
        holder.kill()

    with anyio.fail_after(10):
        async with lock(path, "proxy stop", on_wait=kill):
            assert holder_of(path).startswith("run-claude proxy stop")
    holder.communicate()
    assert holder_of(path) == ""


async def test_who_gives_up_waiting_does_not_get_the_lock_later(path: Path) -> None:
    holder = held_by_another_process(path)
    with anyio.move_on_after(0.05):
        async with lock(path, "given up"):
            pytest.fail("two holders")
    holder.kill()
    holder.communicate()
    with anyio.fail_after(10):
        async with lock(path, "next"):
            pass


def test_two_that_look_at_once_see_no_holder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('{"pid": 7, "purpose": "proxy start", "since": 1.0}')  # of one that was killed
    seen, original = list[str](), fcntl.flock

    def meanwhile(descriptor: int, how: int) -> None:
        original(descriptor, how)
        monkeypatch.setattr(fcntl, "flock", original)
        seen.append(holder_of(path))

    monkeypatch.setattr(fcntl, "flock", meanwhile)
    seen.append(holder_of(path))
    assert seen == ["", ""]


async def test_who_meets_one_that_only_looks_waits_for_nobody(path: Path) -> None:
    async with lock(path, "before"):
        pass
    descriptor, told = os.open(path, os.O_RDWR), list[str]()
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    async with anyio.create_task_group() as group:

        async def take() -> None:
            async with lock(path, "proxy stop", on_wait=told.append):
                pass

        group.start_soon(take)
        await anyio.wait_all_tasks_blocked()
        os.close(descriptor)
    assert told == []


async def test_a_holder_that_has_ended_leaves_no_name(path: Path) -> None:
    async with lock(path, "proxy start"):
        assert path.read_text()
    assert path.read_text() == ""


def test_nobody_holds_a_lock_that_is_not_there(path: Path) -> None:
    assert holder_of(path) == ""

"""The user's command at each transition: in order, with the facts, never in the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from run_claude.watch import hooks
from run_claude.watch.hooks import Hook

pytestmark = pytest.mark.anyio


async def run(hook: Hook, until: Path, lines: int) -> list[str]:
    """Run the hook until it has written so many lines."""
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(hook.run)
            while not until.exists() or len(until.read_text().splitlines()) < lines:  # noqa: ASYNC110 (a file)
                await anyio.sleep(0.02)
            group.cancel_scope.cancel()
    return until.read_text().splitlines()


async def test_the_command_gets_each_transition_in_order(tmp_path: Path) -> None:
    out = tmp_path / "out"
    hook = Hook(
        f'echo "$RUN_CLAUDE_SERVICE: $RUN_CLAUDE_FROM to $RUN_CLAUDE_TO, $RUN_CLAUDE_EXIT_CODE." >>{out}',
        os.environ,
        print,
    )
    hook.put({"service": "litellm", "from": "healthy", "to": "exited", "exit_code": 137})
    hook.put({"service": "litellm", "from": "exited", "to": "starting", "exit_code": None})
    assert await run(hook, out, 2) == ["litellm: healthy to exited, 137.", "litellm: exited to starting, ."]


async def test_a_value_is_never_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    value = f"$(touch {tmp_path}/never) `id` ; exit 3"
    hook = Hook(f'echo "$RUN_CLAUDE_CAUSE" >>{out}', os.environ, print)
    hook.put({"cause": value})
    assert await run(hook, out, 1) == [value]
    assert not (tmp_path / "never").exists()


async def test_what_the_command_prints_never_stops_it_and_its_last_lines_show(tmp_path: Path) -> None:
    out, told = tmp_path / "out", list[str]()
    command = f"head -c 300000 /dev/zero | tr '\\0' x >&2; printf '\\nthe last line\\n' >&2; echo done >>{out}; exit 4"
    hook = Hook(command, os.environ, told.append)
    hook.put({})
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(hook.run)
            while not told:  # noqa: ASYNC110 (a list)
                await anyio.sleep(0.02)
            group.cancel_scope.cancel()
    assert out.read_text() == "done\n"
    assert told[0].startswith("The --exec command ended with 4: ")
    assert told[0].endswith("the last line")
    assert len(told[0]) < 1000


async def test_a_child_that_keeps_the_pipe_open_holds_up_nothing(tmp_path: Path) -> None:
    told = list[str]()
    hook = Hook(f"sleep 600 & echo $! >{tmp_path / 'child'}; echo over >&2", os.environ, told.append)
    hook.put({})
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(hook.run)
            while not told:  # noqa: ASYNC110 (a list)
                await anyio.sleep(0.02)
            group.cancel_scope.cancel()
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
    assert told == ["The --exec command says: over"]


def test_a_watcher_that_ends_while_the_command_runs_leaves_no_traceback(tmp_path: Path) -> None:
    program = f"""
import anyio, os
from run_claude.watch.hooks import Hook

async def main():
    hook = Hook("touch {tmp_path}/runs; sleep 600", os.environ, print)
    hook.put({{}})
    async with anyio.create_task_group() as group:
        group.start_soon(hook.run)
        while not os.path.exists("{tmp_path}/runs"):
            await anyio.sleep(0.01)
        group.cancel_scope.cancel()

anyio.run(main)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


async def test_a_command_that_fails_is_told_and_the_next_one_runs(tmp_path: Path) -> None:
    out, told = tmp_path / "out", list[str]()
    hook = Hook(f"echo x >>{out}; exit 3", os.environ, told.append)
    hook.put({})
    hook.put({})
    assert len(await run(hook, out, 2)) == 2
    assert told[0] == "The --exec command ended with 3."


async def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "WITHIN", 0.2)
    children, told = tmp_path / "children", list[str]()
    hook = Hook(f"sleep 600 & echo $! >>{children}; wait", os.environ, told.append)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(hook.run)
            ended = 0
            while not children.exists():  # on a busy machine it may be ended before it has a child
                hook.put({})
                ended += 1
                while len(told) < ended:  # noqa: ASYNC110 (a list)
                    await anyio.sleep(0.02)
            child = Path("/proc") / children.read_text().split()[0]
            while child.exists():  # noqa: ASYNC110 (init has to collect it)
                await anyio.sleep(0.02)
            group.cancel_scope.cancel()
    assert all("longer than" in line for line in told)


async def test_a_slow_command_holds_up_nothing(tmp_path: Path) -> None:
    started, told = tmp_path / "started", list[str]()
    hook = Hook(f"touch {started}; sleep 600", os.environ, told.append)
    async with anyio.create_task_group() as group:
        group.start_soon(hook.run)
        hook.put({})
        while not started.exists():  # noqa: ASYNC110 (a file)
            await anyio.sleep(0.02)
        for _ in range(hooks.WAITING + 5):
            hook.put({"service": "litellm"})  # would end with this test's time-out if it waited for the command
        group.cancel_scope.cancel()
    assert len(told) == 5
    assert all("too slow" in line for line in told)


def test_without_a_desktop_there_is_no_notification() -> None:
    assert hooks.notifier({}) is None

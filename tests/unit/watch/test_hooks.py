"""The user's command at each transition: in order, with the facts, never in the way."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import anyio
import pytest

from run_claude.watch import hooks
from run_claude.watch.hooks import Hook

if TYPE_CHECKING:
    from pathlib import Path

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
    hook = Hook(f'echo "$RUN_CLAUDE_CAUSE" >>{out}', os.environ, print)
    hook.put({"cause": "$(touch /tmp/never) `id` ; exit 3"})
    assert await run(hook, out, 1) == ["$(touch /tmp/never) `id` ; exit 3"]


async def test_a_command_that_fails_is_told_and_the_next_one_runs(tmp_path: Path) -> None:
    out, told = tmp_path / "out", list[str]()
    hook = Hook(f"echo x >>{out}; exit 3", os.environ, told.append)
    hook.put({})
    hook.put({})
    assert len(await run(hook, out, 2)) == 2
    assert told[0] == "The --exec command ended with 3."


async def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "WITHIN", 0.2)
    out, told = tmp_path / "out", list[str]()
    hook = Hook(f"echo $$ >>{out}; sleep 61.25 & wait", os.environ, told.append)
    hook.put({})
    hook.put({})
    await run(hook, out, 2)
    assert "longer than" in told[0]
    for _ in range(100):
        if not (await anyio.run_process(["pgrep", "-f", "sleep 61.2[5]"], check=False)).stdout:
            return
        await anyio.sleep(0.05)
    raise AssertionError("a child lives on")


async def test_a_slow_command_never_holds_anybody_up() -> None:
    told = list[str]()
    hook = Hook("sleep 60", os.environ, told.append)
    began = time.monotonic()
    for _ in range(hooks.WAITING + 5):
        hook.put({"service": "litellm"})
    assert time.monotonic() - began < 5
    assert len(told) == 5


def test_without_a_desktop_there_is_no_notification() -> None:
    assert hooks.notifier({}) is None

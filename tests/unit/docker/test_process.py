"""Commands run in a group of their own, and leave nothing behind."""

from __future__ import annotations

import os

import anyio
import pytest

from run_claude.docker.process import run

pytestmark = pytest.mark.anyio


async def test_lines_come_as_they_are_printed_and_both_streams_are_kept() -> None:
    lines: list[str] = []
    done = await run(["sh", "-c", "echo one; echo two >&2; printf three; exit 3"], env=os.environ, on_line=lines.append)
    assert (done.returncode, done.stdout, done.stderr) == (3, "one\nthree", "two")
    assert sorted(lines) == ["one", "three", "two"]


async def test_standard_input_reaches_the_command_and_no_argv() -> None:
    done = await run(["cat"], env=os.environ, text="a secret")
    assert done.stdout == "a secret"
    assert "secret" not in done.command


async def test_a_missing_command_is_an_error_of_its_own() -> None:
    with pytest.raises(FileNotFoundError):
        await run(["no-such-command-here"], env=os.environ)


@pytest.mark.parametrize("script", ["sleep 60 & echo $!; wait", "trap '' TERM; sleep 60 & echo $!; wait; wait"])
async def test_cancelled_it_takes_its_children_with_it(script: str) -> None:
    pids: list[str] = []
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:

            def seen(line: str) -> None:
                pids.append(line)
                group.cancel_scope.cancel()

            async def command() -> None:
                await run(["sh", "-c", script], env=os.environ, on_line=seen)

            group.start_soon(command)
    await ended(int(pids[0]))


async def ended(pid: int) -> None:
    """Wait for the end of a process that is no child of ours; fails if it goes on."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with anyio.fail_after(5):
            await anyio.wait_readable(descriptor)
    finally:
        os.close(descriptor)

"""Commands run in a group of their own, and leave nothing behind."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import anyio
import pytest

import run_claude
from run_claude.docker.process import first_error, run

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


def test_the_error_of_a_task_group_is_found_in_it() -> None:
    first, second = KeyError(1), KeyError(2)
    nested = ExceptionGroup("outer", [ExceptionGroup("inner", [first]), second])
    assert first_error(nested, KeyError) is first
    assert first_error(nested, LookupError) is first
    assert first_error(nested, ValueError) is None
    assert first_error(ExceptionGroup("mixed", [first, ValueError()]), KeyError) is None


def test_nothing_is_raised_in_an_except_star_clause() -> None:
    """Python 3.11.2, that of Debian 12, wraps it in a group of its own; from 3.11.4 on it does not."""
    package = Path(run_claude.__file__).parent
    starred = [path for path in package.rglob("*.py") if "except*" in path.read_text()]
    assert starred
    for path in starred:
        for node in ast.walk(ast.parse(path.read_text())):
            handlers = node.handlers if isinstance(node, ast.TryStar) else []
            raised = [inner for handler in handlers for inner in ast.walk(handler) if isinstance(inner, ast.Raise)]
            assert not raised, f"{path}: use first_error()"

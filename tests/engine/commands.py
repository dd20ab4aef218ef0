"""Stacks whose commands need no new Python each: 0.03 s of CPU instead of 0.26 for `proxy status`."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests import ready

from .conftest import release_for
from .instance import Instance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Commands", "instance", "running"]

_WITHIN = 300.0  # seconds; a command that hangs must fail its test, not the run


@dataclass
class Commands(Instance):
    """A stack whose commands are forked from a process that is ready: see tests/ready.py."""

    def run(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; ``expect=None`` takes any exit code."""
        code, out, err = ready.run(arguments, self.environment, cwd=self.workplace, within=_WITHIN)
        argv = [sys.executable, "-m", "run_claude", *arguments]
        done = self.judge(subprocess.CompletedProcess(argv, code), out, err)
        assert expect is None or done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture
def instance(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Commands]:
    """A stack of this test alone; nothing is started yet."""
    stack = Commands(tmp_path / "user", release=release_for(request))
    stack.folder.mkdir()
    yield stack
    stack.remove()
    assert not stack.left_over()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Commands]:
    """A healthy stack that the tests of a module share. They leave it healthy."""
    stack = Commands(tmp_path_factory.mktemp("user"), release=release_for(request))
    try:
        stack.start()
        yield stack
    finally:
        stack.remove()

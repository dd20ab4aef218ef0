"""What tests/ready.py forks is what a shell starts: the same output, end, environment, folder and streams."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest
from anyio import to_thread

from run_claude.domain.lifecycle import Service
from tests import ready, runs
from tests.fake.engine import FakeEngine

if TYPE_CHECKING:
    from pathlib import Path


def started(arguments: tuple[str, ...], environ: dict[str, str], folder: Path) -> tuple[int, str, str]:
    """Run a command as everybody does."""
    argv = [sys.executable, "-m", "run_claude", *arguments]
    done = subprocess.run(
        argv, env=environ, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("no-such-command",),
        ("profiles", "list"),
        ("env", "demo"),
        ("proxy", "start", "--profile", "no-such-one", "--json"),
        ("with", "demo", "--", "true"),
    ],
    ids=" ".join,
)
def test_a_forked_command_prints_and_ends_as_one_that_is_started(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    environ = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock", "LITELLM_MASTER_KEY": "sk-" + "0a" * 16}
    expected = started(arguments, environ, tmp_path)
    assert ready.run(arguments, environ, cwd=tmp_path, within=30) == expected
    assert ready.run(arguments, environ, cwd=tmp_path, within=30) == expected, "the one before has left something"


@pytest.mark.anyio
@pytest.mark.parametrize("arguments", [("proxy", "status"), ("db", "status")], ids=" ".join)
async def test_one_that_an_engine_answers_ends_as_one_that_is_started(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """With connections to close: what a process says of them at its very end is its output, too."""
    folder = runs.folder("rc")
    environ = {
        **os.environ,
        "DOCKER_HOST": f"unix://{folder}/docker.sock",
        "RUN_CLAUDE_HOME": str(tmp_path),
        "RUN_CLAUDE_STATE": str(tmp_path / "state"),
        "RUN_CLAUDE_INSTANCE": "ready",
        "LITELLM_PORT": str(runs.free_port()),
    }
    async with FakeEngine(folder / "docker.sock") as engine:
        container = engine.container(Service.LITELLM, project="ready")
        container.created_ns = container.started_ns = container.healthy_ns = 1  # for so long that both print the same
        expected = await to_thread.run_sync(started, arguments, environ, tmp_path)
        asked = engine.requests.total()
        forked = await to_thread.run_sync(partial(ready.run, arguments, environ, cwd=tmp_path, within=30))
        assert engine.requests.total() == 2 * asked > 0
    shutil.rmtree(folder)
    assert forked == expected


def test_it_has_the_environment_and_the_folder_that_it_is_given(tmp_path: Path) -> None:
    environ = {**os.environ, "RUN_CLAUDE_HOME": str(tmp_path / "elsewhere")}
    code, _, said = ready.run(("set-folder", "demo"), environ, cwd=tmp_path, within=30)
    assert code == 0, said
    assert (tmp_path / ".envrc").exists()


def test_one_that_hangs_is_killed_and_fails_the_test(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "models.yaml")  # whoever reads it waits for a writer
    environ = {**os.environ, "RUN_CLAUDE_HOME": str(tmp_path)}
    with pytest.raises(AssertionError, match="hangs"):
        ready.run(("profiles", "list"), environ, cwd=tmp_path, within=0.5)
    assert ready.run(("--version",), environ, cwd=tmp_path, within=30)[0] == 0

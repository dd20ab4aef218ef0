"""How tests share workers (tests/README.md): what belongs together stays together; names and ports are given once."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import runs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def shared() -> int:
    return os.getpid()


def test_tests_of_a_module_that_share_a_fixture_form_a_group(request: pytest.FixtureRequest, shared: int) -> None:
    mark = request.node.get_closest_marker("xdist_group")
    assert mark.args == ("tests/unit/test_workers.py",)
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert request.node.nodeid.endswith("@tests/unit/test_workers.py"), "xdist must have seen the group"


def test_so_do_the_cheap_ones_of_a_module(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("xdist_group").args == ("tests/unit/test_workers.py",)


@pytest.mark.slow
def test_others_go_wherever_there_is_room(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("xdist_group") is None


def test_no_port_is_given_twice() -> None:
    code = "from tests import runs; print(*(runs.free_port() for _ in range(20)), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = {int(word) for word in other.stdout.readline().split()}
        ours = {runs.free_port() for _ in range(20)}
        other.communicate("\n")
    assert len(theirs) == len(ours) == 20
    assert not theirs & ours


def test_a_run_that_was_killed_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    begin = "from tests import runs; runs.begin(); print(runs.token(), runs.folder('rc'), flush=True); input()"
    environ = {name: value for name, value in os.environ.items() if name != runs.VARIABLE}
    killed = subprocess.Popen(
        [sys.executable, "-c", begin], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    token, folder = killed.stdout.readline().split()
    left = subprocess.Popen(["sleep", "600"], env=environ | {runs.VARIABLE: token})
    assert not [line for line in runs.remove_leftovers() if token in line or folder in line], "it lives"
    killed.kill()
    killed.communicate()
    removed = runs.remove_leftovers()
    assert f"folder {folder}" in removed
    assert "process sleep 600 " in removed
    assert left.wait(10) == -9

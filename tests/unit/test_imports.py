"""What commands begin with can be imported first of its room: forked ones (tests/ready.py) have imported all before."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import pytest

import run_claude
from tests.unit.test_rooms import RANK, room

# A process for each module, forked from one that has imported the rooms below, which import none of it (test_rooms).
EACH_FIRST = """
import gc, importlib, json, os, sys

begun, below, names = json.load(sys.stdin)
for name in below:
    importlib.import_module(name)
assert not [name for name in sys.modules if name.startswith(begun)]
gc.freeze()
for name in names:
    if not (pid := os.fork()):
        importlib.import_module(name)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        sys.exit(f"{name} cannot be imported before the others")
"""


@pytest.mark.parametrize("package", ["run_claude.cli.commands", "run_claude.stack"])
def test_each_module_can_be_imported_before_the_others_of_its_room(package: str) -> None:
    modules = [module.name for module in pkgutil.walk_packages(run_claude.__path__, "run_claude.")]
    rank = RANK[own := room(package.removeprefix("run_claude."))]
    below = [name for name in modules if RANK.get(room(name.removeprefix("run_claude.")), rank) < rank]
    names = [name for name in modules if name.startswith(f"{package}.")]
    assert len(names) > 10
    done = subprocess.run(
        [sys.executable, "-c", EACH_FIRST],
        input=json.dumps([f"run_claude.{own}", below, names]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

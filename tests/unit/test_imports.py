"""What commands begin with can be imported first: forked ones (tests/ready.py) have imported everything before."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import run_claude.cli.commands
import run_claude.stack

if TYPE_CHECKING:
    from types import ModuleType

# A process for each module, forked from one that has imported nothing of ours.
EACH_ALONE = """
import importlib, json, os, sys

assert not [name for name in sys.modules if name.startswith("run_claude")]
for name in json.load(sys.stdin):
    if not (pid := os.fork()):
        importlib.import_module(name)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        sys.exit(f"{name} cannot be imported before others")
"""


@pytest.mark.parametrize("package", [run_claude.cli.commands, run_claude.stack], ids=lambda package: package.__name__)
def test_each_module_can_be_imported_before_all_others(package: ModuleType) -> None:
    names = [module.name for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    assert len(names) > 10
    done = subprocess.run(
        [sys.executable, "-c", EACH_ALONE], input=json.dumps(names), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

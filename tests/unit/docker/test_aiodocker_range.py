"""The range of aiodocker in pyproject.toml: the observer works with the lowest and with the newest version in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RANGE = next(str(line) for line in PROJECT["dependencies"] if line.startswith("aiodocker"))
LOWEST = re.sub(r">=([\d.]+).*", r"==\1", RANGE)
VERSION = "import aiodocker; print(aiodocker.__version__)"
# What streams. The rest of the tests here never touches aiodocker.
FILES = ["tests/unit/docker/test_observer.py", "tests/unit/docker/test_hardship.py", "tests/unit/docker/test_api.py"]


def python(*arguments: str, site: Path | None = None) -> str:
    """Run Python with ``site`` before its own packages and return what it printed."""
    environ = {**os.environ, "PYTHONPATH": str(site or "")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(120)  # for a package index that is slow
@pytest.mark.parametrize("version", [LOWEST, RANGE], ids=["lowest", "newest"])
def test_the_observer_works_with_both_ends_of_the_range(version: str, tmp_path: Path) -> None:
    site = tmp_path / "site"
    into = ("--no-deps", "--python", sys.executable, "--target", str(site))
    python("-m", "uv", "--quiet", "--cache-dir", f"{sys.prefix}/cache/uv", "pip", "install", *into, version)
    if python("-c", VERSION, site=site) != python("-c", VERSION):  # what is installed here, this run tests anyway
        assert " passed" in python("-m", "pytest", "-q", "-o", f"cache_dir={tmp_path}", *FILES, site=site)


def test_the_range_admits_the_next_release() -> None:
    assert re.fullmatch(r"aiodocker>=0\.\d+,<1", RANGE)

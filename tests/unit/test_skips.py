"""With CI set, no test is left out in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.fixture
def tool():
    pytest.skip("no tool here")

def test_by_its_fixture(tool): ...
def test_by_itself(): pytest.skip("no tool here")
@pytest.mark.skipif(True, reason="no tool here")
def test_by_its_mark(): ...
@pytest.mark.xfail(reason="known")
def test_known(): assert False
def test_by_design(): pytest.skip("no second file system here")
"""


@pytest.mark.parametrize(
    ("value", "told"), [("true", "1 failed, 1 skipped, 1 xfailed, 2 errors"), ("", "4 skipped, 1 xfailed")]
)
def test_a_skip_fails_in_ci_unless_its_reason_is_known(tmp_path: Path, value: str, told: str) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.skips", "-p", "no:cacheprovider", "-q", "test_it.py"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": value},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told in done.stdout, done.stdout
    assert (done.stdout.count("with CI set that is a failure: no tool here") >= 3) == bool(value)

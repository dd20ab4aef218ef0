"""Every branch of what decides and acts is tested: the start, the healer, the supervisor."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.slow(10), pytest.mark.timeout(300)]  # some eight seconds of a processor, which many share

ROOT = Path(__file__).parents[2]
LEAST = 95.0  # percent of the branches
TESTED_BY = {
    "run_claude/stack/start.py": ["tests/unit/stack/test_start.py"],
    "run_claude/watch/healer.py": ["tests/unit/watch/test_healer.py"],
    "run_claude/watch/supervisor.py": [
        "tests/unit/watch/test_supervisor.py",
        "tests/unit/watch/test_supervisor_and_users.py",
    ],
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Run the three files' own tests once more, measured, and return the percentages."""
    folder = tmp_path_factory.mktemp("coverage")
    coverage, data = [sys.executable, "-m", "coverage"], f"--data-file={folder / 'data'}"
    run = ["run", "--branch", data, f"--include={','.join(TESTED_BY)}", "-m", "pytest", "-q"]
    # Without tests/conftest.py: a run of its own it is not, and would take this one for what a killed run has left.
    options = ["--confcutdir=tests/unit", "-o", f"cache_dir={folder}"]
    command = [*coverage, *run, *options, *chain(*TESTED_BY.values())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    report = folder / "report.json"
    subprocess.run([*coverage, "json", data, "-q", "-o", str(report)], cwd=ROOT, check=True)
    files = json.loads(report.read_text())["files"]
    rows = {name: row["summary"] for name, row in files.items()}
    return {name: 100 * row["covered_branches"] / row["num_branches"] for name, row in rows.items()}


@pytest.mark.parametrize("name", TESTED_BY)
def test_every_decision_is_tested(
    name: str, measured: dict[str, float], record_property: Callable[[str, object], None]
) -> None:
    record_property("figure", f"{name}: {measured[name]:.1f} % of its branches are tested")
    assert measured[name] >= LEAST

"""The benchmark as a whole process: it runs, leaves its files, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bench.measure import Report
from bench.scenarios import NAMES
from bench.workspace import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=1000, check=False)


def test_an_unknown_scenario_is_refused_with_those_that_there_are() -> None:
    done = bench("nonsense")
    assert done.returncode == 2
    assert "reaction" in done.stderr


def test_a_file_that_is_no_report_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"schema": 0}')
    done = bench("--compare", str(tmp_path / "old.json"), "reaction")
    assert done.returncode == 2
    assert "old.json" in done.stderr


def test_without_an_engine_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    done = bench("--quick", "reaction")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "docker" in done.stderr


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_quick_run_of_everything_leaves_plausible_numbers_plots_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = subprocess.run([ROOT / "scripts/bases"], capture_output=True, text=True, check=True, timeout=200)
    for line in settled.stdout.splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    before = ours_on_the_engine()
    done = bench("--quick", "--output", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    report = Report.from_json(json.loads((tmp_path / "report.json").read_text()))
    assert [scenario.name for scenario in report.scenarios] == list(NAMES)
    for scenario in report.scenarios:
        assert not scenario.error
        assert (tmp_path / f"{scenario.name}.svg").read_text().startswith("<")
        assert scenario.series
        for series in scenario.series:
            assert 0 <= series.summary.best <= series.summary.median <= series.summary.worst, series
    assert (tmp_path / "startup-waterfall.svg").exists()
    reaction = report.find("reaction")
    assert reaction is not None
    ours, polling = (reaction.find(name, "event → transition") for name in ("run-claude", "polling every 2 s"))
    assert ours is not None
    assert polling is not None
    assert 0 < ours.summary.median < polling.summary.median
    assert ours_on_the_engine() <= before


def ours_on_the_engine() -> set[str]:
    """The benchmark's containers, volumes and networks."""
    found: set[str] = set()
    for kind in (["ps", "--all", "--format", "{{.Names}}"], ["volume", "ls", "-q"], ["network", "ls", "-q"]):
        argv = ["docker", *kind, "--filter", "name=bench-"]
        found |= set(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split())
    return found

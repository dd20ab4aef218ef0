"""The benchmark as a whole process: it runs, leaves its files, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bench.measure import Report
from bench.scenarios import NAMES
from bench.workspace import ROOT
from tests import runs
from tests.engine.conftest import release_for
from tests.engine.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def bench(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(
        argv, cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, timeout=1000, check=False
    )


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


# What is measured in LiteLLM itself; of the other scenarios a stand-in tells as well whether they run.
REAL = ("proxying", "passes")
# Whose exchanges are tests of their own (tests/image/test_conformance.py), and which fetches a peer from npm.
APART = ("conformance",)


@pytest.fixture
def built(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of a release whose image is there: the benchmark removes one that it had to build."""
    stack = Instance(tmp_path / "user", release=release_for(request))
    stack.folder.mkdir()
    stack.run("proxy", "build")
    stack.remove()
    return stack.release


@pytest.mark.engine
@pytest.mark.slow(100)
@pytest.mark.timeout(1200)
def test_a_quick_run_with_litellm_leaves_plausible_numbers_plots_and_nothing_else(
    tmp_path: Path, built: dict[str, str]
) -> None:
    quick_run(tmp_path, REAL, built)


@pytest.mark.engine
@pytest.mark.slow(170)
@pytest.mark.stand_in
@pytest.mark.timeout(1200)
def test_a_quick_run_of_the_rest_leaves_plausible_numbers_plots_and_nothing_else(
    tmp_path: Path, built: dict[str, str]
) -> None:
    report = quick_run(tmp_path, [name for name in NAMES if name not in REAL + APART], built)
    reaction = report.find("reaction")
    assert reaction is not None
    ours, polling = (reaction.find(name, "event → transition") for name in ("run-claude", "polling every 2 s"))
    assert ours is not None
    assert polling is not None
    assert 0 < ours.summary.median < polling.summary.median
    assert (tmp_path / "startup-waterfall.svg").exists()


def quick_run(folder: Path, names: Sequence[str], release: dict[str, str]) -> Report:
    """Run these scenarios, and check what each of them owes."""
    prefix = runs.name("bench")
    if path := release.get("PYTHONPATH"):
        release = release | {"PYTHONPATH": f"{path}:{ROOT}"}
    done = bench("--quick", "--output", str(folder), "--prefix", prefix, *names, **release)
    assert done.returncode == 0, done.stdout + done.stderr
    report = Report.from_json(json.loads((folder / "report.json").read_text()))
    assert [scenario.name for scenario in report.scenarios] == list(names)
    for scenario in report.scenarios:
        assert not scenario.error
        assert (folder / f"{scenario.name}.svg").read_text().startswith("<")
        assert scenario.series
        for series in scenario.series:
            assert 0 <= series.summary.best <= series.summary.median <= series.summary.worst, series
    assert on_the_engine(prefix) == []
    return report


def on_the_engine(prefix: str) -> list[str]:
    """Return the benchmark's containers, volumes and networks."""
    found: list[str] = []
    for kind in (["ps", "--all", "--format", "{{.Names}}"], ["volume", "ls", "-q"], ["network", "ls", "-q"]):
        argv = ["docker", *kind, "--filter", f"name={prefix}"]
        found += subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    return found

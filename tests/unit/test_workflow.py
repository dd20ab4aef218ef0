"""What the workflow runs is there, and what it takes from others is pinned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / ".github/workflows/tests.yml").read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
STEPS = [(name, step) for name, job in WORKFLOW["jobs"].items() for step in job["steps"]]


def test_each_action_is_pinned_to_a_commit_and_says_which_release_that_is() -> None:
    used = re.findall(r"uses: (\S+)(.*)", TEXT)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    assert len({action.partition("@")[0] for action, _ in used}) == len(set(used)), "one release of each"


def test_a_job_may_read_this_repository_and_nothing_else() -> None:
    assert WORKFLOW["permissions"] == {}
    for name, job in WORKFLOW["jobs"].items():
        assert job["permissions"] == {"contents": "read"}, name
        assert job["timeout-minutes"] <= 120, name
    for name, step in STEPS:
        if "checkout" in step.get("uses", ""):
            assert step["with"] == {"persist-credentials": False}, name


@pytest.mark.parametrize(("job", "step"), STEPS, ids=[job for job, _ in STEPS])
def test_what_a_step_runs_is_there(job: str, step: dict[str, Any]) -> None:
    for path in re.findall(r"(?:scripts|tests|\.ci)/[\w./-]+", step.get("run", "")):
        assert (ROOT / path).exists(), f"{job}: {path}"


def test_it_runs_on_each_change_and_each_week() -> None:
    events = WORKFLOW[True]  # YAML 1.1 reads `on` so
    assert events["push"] == {"branches": ["main"]}
    assert {"pull_request", "schedule", "workflow_dispatch"} <= set(events)

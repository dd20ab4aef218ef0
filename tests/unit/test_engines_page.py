"""docs/engines.md names what is there: no engine is tried in silence, and none is named that no test tries."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from run_claude.domain.causes.registry import CAUSES

ROOT = Path(__file__).parents[2]
EACH_TIME = "Proved by each run of the tests"
TO_BE_PROVED = "To be proved in the workflow: no run of it is known yet"
RARE = "Proved by `scripts/test --engines all`"


def sections() -> dict[str, list[str]]:
    """Return the rows of each section's table, without its head."""
    found: dict[str, list[str]] = {}
    for part in (ROOT / "docs/engines.md").read_text().split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        found[title] = [line for line in text.splitlines() if line.startswith("|")][2:]
    return found


ROWS = sections()


def named(row: str) -> set[str]:
    """Return the files of tests that a row names."""
    return set(re.findall(r"`(tests/\S*)`", row))


@pytest.mark.parametrize("title", [EACH_TIME, RARE, "Refused"])
def test_every_row_names_tests_that_there_are(title: str) -> None:
    assert ROWS[title]
    for row in ROWS[title]:
        assert named(row), row
        assert [path for path in named(row) if not (ROOT / path).exists()] == []


def test_every_engine_that_is_tried_stands_where_it_is_tried() -> None:
    for path in sorted((ROOT / "tests/engines").glob("test_*.py")):
        section = RARE if "mark.rare_engine" in path.read_text() else EACH_TIME
        assert any(f"tests/engines/{path.name}" in named(row) for row in ROWS[section]), f"{path.name}: {section}"


def test_every_job_is_one_of_the_workflow() -> None:
    jobs = (path.read_text() for path in (ROOT / ".github/workflows").glob("*.y*ml"))
    there = {name for text in jobs for name in re.findall(r"^  ([\w-]+):$", text, re.MULTILINE)}
    for row in ROWS[TO_BE_PROVED]:
        assert set(re.findall(r"`([\w-]+)`", row.split("|")[2])) & there, row


def test_what_is_refused_has_a_code() -> None:
    for row in ROWS["Refused"]:
        assert set(re.findall(r"`([\w-]+)`", row.split("|")[2])) & set(CAUSES), row

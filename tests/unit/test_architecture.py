"""docs/architecture.md: what it names exists, and what exists is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from run_claude.config.paths import Paths
from tests.unit.test_rooms import RANK

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()


def table(heading: str) -> list[list[str]]:
    """Return the cells of the tables below a heading, without their title rows."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\|\n)+", section, flags=re.MULTILINE)
    return [row.strip("| ").split(" | ") for rows in tables for row in rows.splitlines()[2:]]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


ANSWERS = dict(table("Where is …?"))
PATHS = [path for path in code(PAGE) if re.fullmatch(r"(run_claude|tests|dep|callbacks|scripts|bench)/[\w/.]*", path)]


def test_the_questions_are_answered() -> None:
    assert len(ANSWERS) >= 12
    assert all(any(path in PATHS for path in code(answer)) for answer in ANSWERS.values())


@pytest.mark.parametrize("path", sorted(set(PATHS)))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", PAGE))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (ROOT / "docs" / target).exists()


def test_every_room_is_in_the_picture_and_in_the_table() -> None:
    rooms = RANK.keys() - {"__main__"}
    assert set(re.findall(r"<b>(\w+)</b>", PAGE)) == rooms
    assert {code(row[0])[0] for row in table("Rooms")} == rooms


def test_every_file_of_an_instance_is_named() -> None:
    paths = Paths.resolve({"HOME": "/home/user"}, "work")
    values = [getattr(paths, name) for name, kind in vars(Paths).items() if isinstance(kind, property)]
    inside = {
        path.relative_to(paths.instance_state).parts[0]
        for path in values
        if path.is_relative_to(paths.instance_state) and path != paths.instance_state
    }
    named = {name.rstrip("/") for row in table("What is on disk") for name in code(row[0])}
    assert inside <= named

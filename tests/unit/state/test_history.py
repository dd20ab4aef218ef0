"""The history: bounded, whole lines, safe to write from many sides and to be killed in."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from run_claude.state import history

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state/history.jsonl"


def test_what_was_added_is_read_back_in_order(path: Path) -> None:
    history.append(path, "started", {"seconds": 1.5})
    history.append(path, "stopped", {})
    rows = list(history.read(path))
    assert [row["event"] for row in rows] == ["started", "stopped"]
    assert rows[0]["seconds"] == 1.5
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_there_before_the_first_line(path: Path) -> None:
    assert list(history.read(path)) == []


def test_only_what_happened_since_then_is_read(path: Path) -> None:
    for at in (100.0, 200.0, 300.0):
        history.append(path, "x", {"at": at})
    assert [row["at"] for row in history.read(path, since=200.0)] == [200.0, 300.0]


def test_a_line_that_was_cut_off_costs_itself_and_not_the_next(path: Path) -> None:
    history.append(path, "one", {})
    with path.open("a") as file:
        file.write('{"at": 1, "event": "cut o')
    history.append(path, "two", {})
    assert [row["event"] for row in history.read(path)] == ["one", "two"]


@pytest.mark.parametrize(
    "line", ["", "null", "[]", "{}", '{"at": "x", "event": "y"}', '{"at": 1}', "\x00\xff", "[" * 99999]
)
def test_a_line_that_is_none_is_passed_over(path: Path, line: str) -> None:
    history.append(path, "one", {})
    with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(line + "\n")
    history.append(path, "two", {})
    assert [row["event"] for row in history.read(path)] == ["one", "two"]


def test_it_never_grows_beyond_two_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LARGEST", 2000)
    for number in range(300):
        history.append(path, "x", {"number": number})
    files = list(path.parent.glob("history*"))
    assert len(files) == 2
    assert sum(file.stat().st_size for file in files) < 2 * 2100
    numbers = [row["number"] for row in history.read(path)]
    assert numbers == list(range(numbers[0], 300)), "the newest, without a gap"
    assert len(numbers) > 30


def test_many_writers_at_once_tear_no_line_and_lose_none(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from run_claude.state import history\n"
        "for n in range(100): history.append(Path(sys.argv[1]), sys.argv[2], {'n': n, 'text': 'x' * 200})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), f"writer{i}"]) for i in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    rows = list(history.read(path))
    assert len(rows) == 400
    for i in range(4):
        assert [row["n"] for row in rows if row["event"] == f"writer{i}"] == list(range(100))
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_history_that_cannot_be_written_fails_nobody(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    history.append(tmp_path / "state/history.jsonl", "x", {})

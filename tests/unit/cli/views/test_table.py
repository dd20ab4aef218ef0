"""Tables: what fits stays beside each other, what does not goes below, and no word is folded."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from run_claude.cli.screen import Screen
from run_claude.cli.views.table import Cell, Column, fold, table, text_width

IMAGE = "timescale/timescaledb:2.23.1-pg17"
COLUMNS = [Column(title) for title in ("SERVICE", "PHASE", "FOR", "ADDRESS", "IMAGE")]
ROWS = [
    ("timescaledb", Cell("healthy", "green"), "4 min 3 s", "127.0.0.1:5433", Cell(IMAGE, "dim")),
    ("litellm", Cell("starting", "yellow"), "2.10 s", "127.0.0.1:4444", Cell("run-claude-litellm:1a2b3c", "dim")),
]
FINDINGS = [
    ("ok", "engine", [Cell("Docker 26.1.5, API 1.45, Debian GNU/Linux 12, x86_64, answers in 2 ms")]),
    ("FAILED", "ports", [Cell("Port 4444 is taken by nginx."), Cell("→ Stop it, or choose another port.", hang=2)]),
]


@pytest.mark.parametrize("columns", [None, 200, 100])
def test_a_table_that_fits_is_aligned(columns: int | None) -> None:
    assert table(Screen(columns=columns), COLUMNS, ROWS) == [
        "SERVICE      PHASE     FOR        ADDRESS         IMAGE",
        f"timescaledb  healthy   4 min 3 s  127.0.0.1:5433  {IMAGE}",
        "litellm      starting  2.10 s     127.0.0.1:4444  run-claude-litellm:1a2b3c",
    ]


def test_columns_without_room_go_below_their_row() -> None:
    assert table(Screen(columns=60), COLUMNS, ROWS)[:4] == [
        "SERVICE      PHASE     FOR        ADDRESS",
        "    IMAGE",
        "timescaledb  healthy   4 min 3 s  127.0.0.1:5433",
        f"    {IMAGE}",
    ]
    assert table(Screen(columns=40), COLUMNS, ROWS)[3:6] == [
        "timescaledb  healthy   4 min 3 s",
        "    127.0.0.1:5433",
        f"    {IMAGE}",
    ]


def test_the_last_column_is_folded_between_words_in_its_own_column() -> None:
    assert table(Screen(columns=50), [Column()] * 3, FINDINGS) == [
        "ok      engine  Docker 26.1.5, API 1.45, Debian",
        "                GNU/Linux 12, x86_64, answers in 2",
        "                ms",
        "FAILED  ports   Port 4444 is taken by nginx.",
        "                → Stop it, or choose another port.",
    ]


def test_folded_lines_hang_below_the_first() -> None:
    assert table(Screen(columns=41), [Column()] * 3, FINDINGS[1:]) == [
        "FAILED  ports  Port 4444 is taken by",
        "               nginx.",
        "               → Stop it, or choose",
        "                 another port.",
    ]


def test_a_row_whose_word_does_not_fit_has_its_last_column_below() -> None:
    path = "/home/someone/.config/run-claude/services"
    rows = [("ok", "files", path), ("ok", "ports", "4444 is free")]
    assert table(Screen(columns=45), [Column()] * 3, rows) == ["ok  files", f"    {path}", "ok  ports  4444 is free"]


def test_numbers_are_aligned_to_the_right() -> None:
    columns = [Column("TABLE"), Column("ROWS", right=True)]
    assert table(Screen(), columns, [("a", "1"), ("b", "1000")]) == ["TABLE  ROWS", "a         1", "b      1000"]


def test_wide_characters_take_two_columns() -> None:
    rows = [("日本語", "x"), ("latin", "y")]
    assert table(Screen(), [Column()] * 2, rows) == ["日本語  x", "latin   y"]


def test_cjk_text_is_folded_between_characters() -> None:
    assert fold("日本語の説明", 8) == ["日本語の", "説明"]


def test_styles_do_not_change_the_layout() -> None:
    screen = Screen(columns=60, colour=True)
    coloured = [screen.printable(line) for line in table(screen, COLUMNS, ROWS)]
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == table(Screen(columns=60), COLUMNS, ROWS)
    assert "\x1b[32mhealthy\x1b[0m" in coloured[2]


def test_a_table_without_rows_and_titles_is_empty() -> None:
    assert table(Screen(), [Column()], []) == []


@pytest.mark.parametrize(("text", "columns"), [("日本語", 6), ("e\u0301", 1), ("\uff57\uff49", 4), ("", 0)])
def test_a_text_is_as_wide_as_a_terminal_draws_it(text: str, columns: int) -> None:
    assert text_width(text) == columns


WORDS = st.text("abcdefgh/.:-", min_size=1, max_size=30)
SENTENCES = st.lists(WORDS, max_size=8).map(" ".join)


@given(st.lists(st.tuples(WORDS, WORDS, SENTENCES), min_size=1, max_size=5), st.sampled_from([40, 60, 80, 200]))
def test_no_word_is_folded_or_lost_and_lines_fit(rows: list[tuple[str, str, str]], columns: int) -> None:
    lines = table(Screen(columns=columns), [Column()] * 3, rows)
    words = [word for row in rows for cell in row for word in cell.split()]
    assert sorted(word for line in lines for word in line.split()) == sorted(words)
    assert max(map(len, lines)) <= columns

from __future__ import annotations

import pytest

from run_claude.cli.views.database import database_words
from run_claude.database.queries import Content, Table

CONTENT = Content(
    version="17.2",
    databases={"litellm": 14_000_000, "run_claude": 8_000_000, "mine": 7_000_000},
    timescaledb={"litellm": "", "run_claude": "2.19.3", "mine": ""},
    tables=(
        Table(database="litellm", name="LiteLLM_SpendLogs", rows=40),
        Table(database="litellm", name="LiteLLM_TeamTable", rows=2),
        Table(database="mine", name="notes", rows=0),
    ),
)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("litellm", "2 tables, 42 rows (LiteLLM's own)"),
        ("run_claude", "0 tables, TimescaleDB 2.19.3 (for your tables)"),
        ("mine", "1 table"),
    ],
)
def test_a_line_says_what_a_database_holds_and_whose_it_is(name: str, words: str) -> None:
    assert database_words(CONTENT, name).partition(", ")[2] == words

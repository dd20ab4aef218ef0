"""Names and values of a backup in SQL: they are values, whatever stands in them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from run_claude.database.around import literal
from run_claude.database.queries import Content, Table, connection, content_sql, identifier, swap_sql, temporary_name


@given(st.text())
def test_a_literal_is_one_quotation_of_plain_characters(text: str) -> None:
    found = literal({"name": text})
    inner = found[1:-1]
    assert "'" not in inner.replace("''", "")
    assert "$" not in found
    assert found.isascii()
    assert found.isprintable()
    assert json.loads(inner.replace("''", "'")) == {"name": text}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("plain", "dbname='plain'"), ("a=b", "dbname='a=b'"), ("a'b\\c", "dbname='a\\'b\\\\c'")],
)
def test_a_database_is_named_as_a_setting_so_that_no_name_is_one(name: str, expected: str) -> None:
    assert connection(name) == expected


def test_a_quotation_mark_in_a_name_is_doubled() -> None:
    assert identifier('a"b') == '"a""b"'


def test_a_new_line_in_a_name_ends_no_command_of_psql() -> None:
    assert "a\\nx" in next(line for line in content_sql(["a\nx"]).splitlines() if "gset" in line)


def test_the_name_during_a_restore_fits_however_long_the_database_is_called() -> None:
    assert len(temporary_name("restoring", "0123abcd", 9999)) < 63


def test_a_swap_gives_all_names_in_one_transaction_and_drops_the_old_after_it() -> None:
    sql = swap_sql([("größe", "r_0"), ("new", "r_1")], {"größe"}, "0123abcd")
    inside = sql[sql.index("BEGIN;") : sql.index("COMMIT;")]
    assert 'ALTER DATABASE "größe" RENAME TO "run_claude_replaced_0123abcd_0"' in inside
    assert 'ALTER DATABASE "r_1" RENAME TO "new"' in inside
    assert 'DROP DATABASE IF EXISTS "run_claude_replaced_0123abcd_0"' in sql[sql.index("COMMIT;") :]


def test_a_users_database_is_kept_whatever_its_name_ends_with() -> None:
    content = Content(
        version="17.2",
        databases={"postgres": 1, "mine_restoring": 1, "mine_replaced": 1},
        timescaledb={},
        tables=(Table(database="mine_restoring", name="t", rows=1),),
    )
    assert content.worth_keeping() == ["mine_restoring", "mine_replaced"]

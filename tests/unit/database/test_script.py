"""One run of psql has several sessions, and tells their answers apart."""

from __future__ import annotations

from run_claude.database.script import Statements, script_of, split

MARK = "run-claude: 5eed"


def test_a_session_is_begun_by_its_user_in_its_database_and_the_first_is_there_already() -> None:
    first, second = Statements("template1", "SELECT 1;\n"), Statements("größe's", "SELECT 2;\n", user="somebody")
    began, _, rest = script_of([first, second], MARK).partition(f"\\echo {MARK}\n")
    assert began == "SELECT 1;\n\n"
    assert rest.endswith("\nSELECT 2;\n")
    connecting, by_variable, *_ = rest.splitlines()
    assert connecting == r"SELECT E'dbname=\'größe\\\'s\' user=somebody' AS connection \gset"
    assert by_variable == r'\connect -reuse-previous=on :"connection"'


def test_a_name_with_a_line_break_stays_on_one_line() -> None:
    named = Statements('a\n\\! touch "b', "")
    assert [line for line in script_of([named, named], MARK).splitlines() if line.startswith("\\!")] == []


def test_answers_come_by_session_also_where_there_are_none() -> None:
    assert split(["1", "2", MARK, MARK, "3"], MARK) == [["1", "2"], [], ["3"]]
    assert split([], MARK) == [[]]


def test_no_answer_can_end_a_session() -> None:
    """The mark is a random one: what a backup names may look like any that is known."""
    assert split([f"{MARK} ", MARK.upper(), f"x{MARK}"], MARK) == [[f"{MARK} ", MARK.upper(), f"x{MARK}"]]

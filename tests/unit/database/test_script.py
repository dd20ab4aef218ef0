"""One run of psql has several sessions, one after the other, and tells their answers apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from run_claude.database.script import Script, Statements

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

MARK = "run-claude: 5eed"


async def inputs(script: Script, answer: Callable[[int], bytes]) -> list[str]:
    """Return what a psql gets that answers each session with these bytes."""
    got = []
    async for text in script.source():
        got.append(text.decode())
        script.sink(answer(len(got)))
    return got


def marked(number: int) -> bytes:
    return f"{number}\n{MARK}\n".encode()


async def test_a_session_is_begun_by_its_user_in_its_database_and_the_first_is_there_already() -> None:
    sessions = [Statements("template1", "SELECT 1;"), Statements("größe's", "SELECT 2;", user="somebody")]
    first, second = await inputs(Script(sessions, MARK), marked)
    assert first == f"SELECT 1;\n\\echo {MARK}\n"
    connecting, by_variable, statement = second.splitlines()
    assert connecting == r"SELECT E'dbname=''größe\\''s'' user=somebody' AS connection \gset"
    assert by_variable == r'\connect -reuse-previous=on :"connection"'
    assert statement == "SELECT 2;"


async def test_a_name_with_a_line_break_stays_on_one_line() -> None:
    named = Statements('a\n\\! touch "b', "")
    for text in await inputs(Script([named, named], MARK), marked):
        assert not [line for line in text.splitlines() if line.startswith("\\!")]


async def test_a_session_is_sent_when_the_one_before_has_ended() -> None:
    script, sent = Script([Statements("a", ""), Statements("b", "")], MARK), []

    async def send() -> None:
        async for text in script.source():
            sent.append(text)

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        for said in (b"", b"an answer\n", MARK[:5].encode()):
            script.sink(said)
            await anyio.wait_all_tasks_blocked()
            assert len(sent) == 1, "an interrupt now ends it with the first"
        script.sink(MARK[5:].encode() + b"\n")
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (f"1\n2\n{MARK}\n{MARK}\n3\n", [["1", "2"], [], ["3"]]),
        (f"{MARK}\n", [[], []]),
        ("", [[]]),
        (f"{MARK} \n{MARK.upper()}\nx{MARK}\n", [[f"{MARK} ", MARK.upper(), f"x{MARK}"]]),
        ("a\u2028b\x85c\n", [["a\u2028b\x85c"]]),
    ],
    ids=["by session", "none", "nothing", "what is no mark", "other ends of lines"],
)
def test_answers_come_by_session_and_line(said: str, answers: list[list[str]]) -> None:
    for size in (1, 7, 1000):
        script, data = Script([Statements("a", "")], MARK), said.encode()
        for at in range(0, len(data), size):
            script.sink(data[at : at + size])
        assert script.answers() == answers

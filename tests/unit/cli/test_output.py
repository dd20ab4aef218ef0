"""Results and errors: plain lines in a pipe, folded between words on a narrow terminal."""

from __future__ import annotations

import json
import re

import pytest

from run_claude.cli.output import Output
from run_claude.cli.screen import Screen
from run_claude.cli.views.table import Cell, Column, table
from run_claude.domain.causes import caused

ERROR = caused(
    "port-taken",
    "Port 4444 is taken by nginx (pid 812).",
    help="Stop it, or choose another port: LITELLM_PORT=4445.",
    detail="bind: address in use",
    facts={"log": "run-claude proxy logs"},
)


def test_an_error_is_a_line_of_cause_and_one_of_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert Output(json=False, verbose=False).failure(ERROR) == 8
    assert capsys.readouterr().err.splitlines() == [
        "  │ bind: address in use",
        "error: Port 4444 is taken by nginx (pid 812).",
        "help:  Stop it, or choose another port: LITELLM_PORT=4445.",
        "log:   run-claude proxy logs",
    ]


def test_on_a_narrow_terminal_an_error_is_folded_below_its_label(capsys: pytest.CaptureFixture[str]) -> None:
    Output(json=False, verbose=False, error_screen=Screen(columns=40, colour=True)).failure(ERROR)
    assert capsys.readouterr().err.splitlines()[1:5] == [
        "\x1b[31m\x1b[1merror:\x1b[0m Port 4444 is taken by nginx (pid",
        "       812).",
        "\x1b[2mhelp:\x1b[0m  Stop it, or choose another port:",
        "       LITELLM_PORT=4445.",
    ]


def test_for_machines_an_error_is_one_line_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    Output(json=True, verbose=False).failure(ERROR)
    printed = capsys.readouterr()
    assert json.loads(printed.out)["error"]["code"] == "port-taken"
    assert (printed.out.count("\n"), printed.err) == (1, "")


def test_a_result_is_printed_as_it_is_and_a_sentence_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=False, verbose=False, screen=Screen(columns=20))
    output.text("a result that is longer than that")
    output.sentence("a sentence that is longer than that", hang=2)
    assert capsys.readouterr().out.splitlines() == [
        "a result that is longer than that",
        "a sentence that is",
        "  longer than that",
    ]


EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eevil\u2066\u200b\x08\x7f"


@pytest.mark.parametrize("colour", [True, False])
def test_nothing_from_outside_acts_on_a_terminal_whichever_way_it_comes(
    capsys: pytest.CaptureFixture[str], colour: bool
) -> None:
    screen = Screen(columns=60, colour=colour, terminal=True)
    output = Output(json=False, verbose=True, screen=screen, error_screen=screen)
    output.text(EVIL)
    output.sentence(EVIL)
    output.note(EVIL)
    output.lines(table(screen, (Column("NAME"), Column()), [(Cell(EVIL, "red"), EVIL), (f"a\n{EVIL}", "")]))
    output.text(screen.styled(EVIL, "bold") + EVIL)
    output.failure(caused("compose-failed", EVIL, help=EVIL, detail=EVIL, facts={"log": EVIL, "image": EVIL}))
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        assert "evil" in text
        own = re.sub(r"\x1b\[(?:0|1|2|31)m", "", text) if colour else text
        assert all(char.isprintable() or char == "\n" for char in own)
    assert printed.out.count("evil") == printed.out.count(r"\u202eevil\u2066\u200b\x08\x7f")


def test_nobody_outside_has_our_colours(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(columns=60, colour=True)
    Output(json=False, verbose=False, screen=screen).text("\x1b[31mred\x1b[0m " + screen.styled("ours", "red"))
    assert capsys.readouterr().out == "red \x1b[31mours\x1b[0m\n"


def test_what_is_for_machines_is_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=True, verbose=False)
    output.document({"name": EVIL})
    document = capsys.readouterr().out
    assert json.loads(document) == {"name": EVIL}
    output.record({"name": EVIL})
    record = capsys.readouterr().out
    assert json.loads(record) == {"name": EVIL}
    assert all(char.isprintable() or char == "\n" for char in document + record)
    output.exact("a\u200bpath\x1b[0m")
    assert capsys.readouterr().out == "a\u200bpath\x1b[0m\n"

"""Results and errors: plain lines in a pipe, folded between words on a narrow terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from run_claude.cli.output import Output
from run_claude.cli.screen import Screen
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    import pytest

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

"""What people type before they have read anything works, or is answered with what they meant."""

from __future__ import annotations

import json

import asyncclick as click
import pytest

from run_claude.cli.root import cli, run


def found(*words: str) -> click.Command | None:
    command: click.Command | None = cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    return command


@pytest.mark.parametrize(
    ("guess", "meant"),
    [
        (("start",), ("proxy", "start")),
        (("stop",), ("proxy", "stop")),
        (("restart",), ("proxy", "restart")),
        (("status",), ("proxy", "status")),
        (("logs",), ("proxy", "logs")),
        (("health",), ("proxy", "health")),
        (("backup",), ("db", "backup")),
        (("restore",), ("db", "restore")),
        (("profile", "list"), ("profiles", "list")),
        (("model", "test"), ("models", "test")),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_guess_is_the_command_behind_it(guess: tuple[str, ...], meant: tuple[str, ...]) -> None:
    assert found(*guess) is found(*meant) is not None


def test_guesses_are_not_listed() -> None:
    assert "start" not in cli.list_commands(click.Context(cli))


@pytest.mark.parametrize(
    ("typed", "suggested"), [(["staus"], "status"), (["dcotor"], "doctor"), (["proxy", "strat"], "start")]
)
def test_a_slip_is_answered_with_what_there_is(
    typed: list[str], suggested: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*typed, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "usage"
    assert "Did you mean" in error["message"]
    assert f"'{suggested}'" in error["message"]


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_behind_a_profile_is_help_and_starts_nothing(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["with", "demo", option]) == 0
    assert capsys.readouterr().out.startswith("Usage: run-claude with ")


def test_an_option_behind_the_profile_is_told_where_it_belongs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["with", "demo", "--no-db", "--", "claude"]) == 2
    assert "run-claude with --no-db demo -- COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["with", "demo"], ["with", "demo", "--"]])
def test_a_profile_without_a_command_is_answered_with_an_example(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    assert "run-claude with demo -- claude" in capsys.readouterr().err


def test_two_profiles_for_one_start_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["proxy", "start", "demo", "--profile", "groq"]) == 2
    assert "Two profiles are named: demo and groq." in capsys.readouterr().err


def test_a_program_that_there_is_not_is_named_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["with", "demo", "--", "no-such-program"]) == 127
    heard = capsys.readouterr().err
    assert heard.startswith("error: Command not found: no-such-program\n")

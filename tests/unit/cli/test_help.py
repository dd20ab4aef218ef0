"""The help of every command teaches by an example, and fits a terminal of 80 columns."""

from __future__ import annotations

import subprocess
import sys

import asyncclick as click
import pytest

from run_claude.cli.root import cli, run


def commands(command: click.Command, path: tuple[str, ...]) -> dict[tuple[str, ...], click.Command]:
    found = {path: command}
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path[-1])
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            found |= commands(inner, (*path, name))
    return found


COMMANDS = commands(cli, ("run-claude",))
PATHS = list(COMMANDS)


@pytest.fixture(autouse=True)
def _columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_the_help_has_an_example_fits_80_columns_and_lists_whole_sentences(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*path[1:], "--help"]) == 0
    text = capsys.readouterr().out
    examples = [line for line in text.splitlines() if " ".join(path) in line and not line.startswith("Usage:")]
    assert examples, text
    assert max(map(len, text.splitlines())) <= 80, text
    listed = text.partition("\nCommands:\n")[2].partition("\n\n")[0]
    assert [line for line in listed.splitlines() if line.endswith("...")] == []


def test_every_option_is_explained() -> None:
    options = [
        (" ".join(path), option)
        for path, command in COMMANDS.items()
        for option in command.params
        if isinstance(option, click.Option)
    ]
    assert [f"{path} {option.name}" for path, option in options if not option.help] == []


def test_a_process_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    run(["proxy", "start", "--help"])
    command = [sys.executable, "-m", "run_claude", "proxy", "start", "--help"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == capsys.readouterr().out

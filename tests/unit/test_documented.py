"""Every command that a page, a help text or an advice names is one that there is, with the options that it has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import asyncclick as click
import pytest

from run_claude.cli.root import cli, run

from .cli.test_help import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "bench/README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
SOURCES = sorted((REPOSITORY / "run_claude").rglob("*.py"))

COMMANDS = commands(cli, ("run-claude",))
_FENCE = re.compile(r"^```(?:console|sh|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(run-claude [^`\n]*)`")
_ENDS = {"|", ">", ">>", "<", "&&", "||", ";", "#", "&", ">&2"}
_NO_COMMAND = re.compile(r"…|\.\.\.|\[|\{(?!\w*\})|\w\|\w|<[a-z]")  # a form of several commands, or a piece of one


def fenced(page: Path) -> Iterator[str]:
    for block in _FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            yield line.removeprefix("$ ").strip()


def words_of(line: str) -> list[str]:
    """Return the words of the first call of run-claude in a line of a shell, without the command's name."""
    begin = re.search(r'(?:^|[\s"(`])(?:\.venv/bin/)?run-claude(?:\s|$)', line)
    if begin is None or line.startswith("#"):
        return []
    text = re.sub(r"\$\w+|\$\(.*?\)|\{\w*\}", "VALUE", line[begin.end() :].split(')"')[0])
    words: list[str] = []
    for word in shlex.split(text, comments=True):
        if word in _ENDS or word.startswith((">", "<")):
            break
        words.append(word)
    return words


@pytest.fixture
def _inert(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let every command be parsed and do nothing, in a folder that has each file that an example names."""

    async def nothing(*_: object, **__: object) -> int:
        return 0

    for command in COMMANDS.values():
        if not isinstance(command, click.Group):
            monkeypatch.setattr(command, "callback", nothing)
    monkeypatch.setattr("run_claude.cli.commands.overview.overview", nothing)
    monkeypatch.setattr("run_claude.cli.commands.watch._watch", nothing)
    monkeypatch.chdir(tmp_path)
    convert = click.Path.convert
    monkeypatch.setattr(
        click.Path,
        "convert",
        lambda self, value, *rest: convert(type(self)(path_type=Path), value, *rest),
    )


def check(line: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if ("run-claude", *words) in COMMANDS or words[0] in ("VALUE", "COMMAND"):
        return  # only a name; or that of any
    code = run(words)
    assert code == 0, f"{line}\n{capsys.readouterr().err}"


@pytest.mark.usefixtures("_inert")
@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_command_of_a_page_is_one_that_there_is(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in fenced(page):
        if (words := words_of(line)) and not _NO_COMMAND.search(" ".join(words)):
            check(line, words, capsys)
    for line in _INLINE.findall(page.read_text(encoding="utf-8")):
        if not _NO_COMMAND.search(line):
            check(line, words_of(line), capsys)


@pytest.mark.usefixtures("_inert")
def test_every_command_that_an_advice_names_is_one_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    seen = 0
    for source in SOURCES:
        for line in _INLINE.findall(source.read_text(encoding="utf-8")):
            if not _NO_COMMAND.search(line):
                seen += 1
                check(f"{source}: {line}", words_of(line), capsys)
    assert seen > 50

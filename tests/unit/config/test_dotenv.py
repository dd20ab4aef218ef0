from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import dotenv as python_dotenv
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from run_claude.config.dotenv import parse, quote, set_values, values
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

# Text that is likely to hit a rule of the grammar, and text that is not.
_HITS = st.text(alphabet="AB1_ =#'\"\\$${}:-\n\r\té\u2028export\ufeff`", max_size=40)
_ANY = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)
_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


def _theirs(text: str) -> dict[str, str | None] | None:
    """Return what python-dotenv reads; ``None`` if it passes over a line that it does not understand."""
    bindings = list(python_dotenv.parser.parse_stream(io.StringIO(text, newline="")))
    if any(binding.error for binding in bindings):
        return None
    return {binding.key: binding.value for binding in bindings if binding.key}


@given(_HITS | _ANY)
def test_it_reads_what_python_dotenv_reads_and_refuses_what_that_passes_over(text: str) -> None:
    try:
        ours = {entry.name: entry.value for entry in parse(text, "x")}
    except ConfigError:
        assert _theirs(text) is None
    else:
        assert ours == _theirs(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", {"A": "1"}),
        ("export A=1\n", {"A": "1"}),
        ("A = 1  # note\n", {"A": "1"}),
        ("A=a#b\n", {"A": "a#b"}),
        ("A= # note\n", {"A": ""}),
        ("A='a # b'\n", {"A": "a # b"}),
        ('A="a\\nb"\n', {"A": "a\nb"}),
        ("A='a\\nb'\n", {"A": "a\\nb"}),
        ("A='it\\'s'\n", {"A": "it's"}),
        ("A='two\nlines'\nB=2\n", {"A": "two\nlines", "B": "2"}),
        ("\ufeffA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A\n", {}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A=p$ss\n", {"A": "p$ss"}),
        ("A=1\nB=${A}2\n", {"A": "1", "B": "12"}),
        ("B=${A:-x}\n", {"B": "x"}),
        ("B='${A:-x}'\n", {"B": "${A:-x}"}),
        ('B="${HOST}"\n', {"B": "from the process"}),
        ("", {}),
        ("\n\n# only\n", {}),
    ],
)
def test_values(text: str, expected: dict[str, str]) -> None:
    found = values(text, "x", {"HOST": "from the process"})
    assert {name: value for name, (value, _) in found.items()} == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nB 2\n", 2),
        ("A=1\n\n\nB='never closed\nC=3\n", 4),
        ('A="x" y\n', 1),
        ("=1\n", 1),
        ("A='x\ny'\n\n=\n", 4),
        ("A=1\nB=\0\n", 2),
        ("export \n", 1),
        ("export ", 1),
    ],
)
def test_what_is_no_assignment_names_its_line_and_not_its_content(text: str, line: int) -> None:
    with pytest.raises(ConfigError, match=rf"/x/\.env:{line}: ") as raised:
        parse(text.replace("never", "sk-secret"), "/x/.env")
    assert raised.value.facts == {"file": "/x/.env", "line": line}
    assert "sk-secret" not in raised.value.message + raised.value.help


def test_a_value_never_shows_in_repr() -> None:
    assert "secret" not in repr(parse("A=secret\n", "x"))


@given(_HITS | _ANY)
def test_a_quoted_value_is_read_back(value: str) -> None:
    assert values(f"A={quote(value)}\n", "x", {})["A"][0] == value
    assert values(f"A={quote(value)} # note\n", "x", {})["A"][0] == value


@given(_HITS | _ANY)
def test_python_dotenv_reads_a_quoted_value_back(value: str) -> None:
    assume("${" not in value)  # it replaces that in single quotes, too; a shell and Compose do not
    stream = io.StringIO(f"A={quote(value)}\n", newline="")
    assert python_dotenv.dotenv_values(stream=stream)["A"] == value


@given(st.lists(_HITS, max_size=5), st.dictionaries(_NAMES, _HITS, min_size=1, max_size=3))
@example(["1\ufeff"], {"A": ""})  # a byte order mark that is not the file's first character
@example(["\ufeff"], {"A": ""})
def test_setting_a_value_loses_nothing_else(lines: list[str], changes: dict[str, str]) -> None:
    text = "\n".join(lines)
    try:
        before = parse(text, "x")
    except ConfigError:
        with pytest.raises(ConfigError):
            set_values(text, "x", changes)
        return
    after = set_values(text, "x", changes)
    raw = {entry.name: entry.value for entry in parse(after, "x")}
    kept = {entry.name: entry.value for entry in before if entry.name not in changes}
    assert {name: value for name, value in raw.items() if name not in changes} == kept
    found = values(after, "x", {})
    assert {name: found[name][0] for name in changes} == changes
    assert set_values(after, "x", changes) == after


def test_comments_order_and_line_ends_stay() -> None:
    text = "# mine\r\nexport A='1' # one\r\n\r\nB=2\r\nC\r\nD= # later"
    assert set_values(text, "x", {"A": "9 9", "C": "3", "D": "4", "E": "5"}) == (
        "# mine\r\nexport A='9 9' # one\r\n\r\nB=2\r\nC=3\r\nD=4 # later\r\nE=5\r\n"
    )


def test_of_a_repeated_name_the_one_that_counts_is_changed() -> None:
    assert set_values("A=1\nA=2\n", "x", {"A": "3"}) == "A=1\nA=3\n"


def test_a_nul_character_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")


_AWKWARD = ["a b", "a#b", "a # b", "it's", 'say "x"', "p$ss", "${HOME}", "$HOME", "a\\b", "a\\", "a\\'b", "`id`", "é!"]


def test_compose_reads_a_quoted_value_back(tmp_path: Path) -> None:
    if shutil.which("docker") is None:
        pytest.skip("no docker command: Compose cannot be asked")
    named = {f"A{number}": value for number, value in enumerate(_AWKWARD)}
    command = json.dumps([f"${{{name}}}" for name in named])
    (tmp_path / "c.yaml").write_text(f"services: {{x: {{image: x, command: {command}}}}}\n")
    (tmp_path / "e.env").write_text("".join(f"{name}={quote(value)}\n" for name, value in named.items()))
    answer = subprocess.run(
        ["docker", "compose", "-f", "c.yaml", "--env-file", "e.env", "config", "--no-interpolate=false"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert answer.returncode == 0, answer.stderr
    import yaml

    read = yaml.safe_load(answer.stdout)["services"]["x"]["command"]
    assert [value.replace("$$", "$") for value in read] == _AWKWARD

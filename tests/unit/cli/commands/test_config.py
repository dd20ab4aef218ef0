"""`config set`, `config unset`, `config list`: keys come in by no command line, and go out by no list."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from run_claude.cli.root import run
from run_claude.config.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "gsk_planted0key0planted"


@pytest.fixture
def env_file(environ: dict[str, str]) -> Path:
    return load_settings(environ).paths.env_file


def code(capsys: pytest.CaptureFixture[str]) -> str:
    return str(json.loads(capsys.readouterr().out)["error"]["code"])


# --- set --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "assignment",
    [
        f"GROQ_API_KEY={KEY}",
        f"ANYTHING={KEY}",
        "LITELLM_MASTER_KEY=short",
        "DATABASE=postgres://user:planted@host/x",
        "MY_PASSWORD=correct horse",
    ],
)
@pytest.mark.cause("key-on-command-line")
def test_a_key_on_the_command_line_is_refused_and_not_repeated(
    assignment: str, env_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "set", assignment]) == 2
    told = capsys.readouterr()
    assert assignment.partition("=")[2] not in told.out + told.err
    assert f"run-claude config set {assignment.partition('=')[0]}`" in told.err
    assert not env_file.exists()


@pytest.mark.parametrize(
    "assignment",
    [
        "LITELLM_PORT=4445",
        "RUN_CLAUDE_LOCK_TIMEOUT=9",
        "VERTEXAI_CREDENTIALS=/home/me/vertex.json",
        "OPENAI_API_KEY=none",
    ],
)
def test_what_is_no_key_is_set_as_ever(assignment: str, env_file: Path) -> None:
    assert run(["config", "set", assignment]) == 0
    assert assignment in env_file.read_text().splitlines()


@pytest.mark.parametrize("given", [KEY, f"{KEY}\n", f"{KEY}\r\n"])
def test_a_key_is_read_from_standard_input(given: str, env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(given, newline=""))
    assert run(["config", "set", "GROQ_API_KEY", "LITELLM_PORT=4445"]) == 0
    assert sorted(env_file.read_text().splitlines()) == [f"GROQ_API_KEY={KEY}", "LITELLM_PORT=4445"]


@pytest.mark.parametrize(("given", "names"), [("", ["GROQ_API_KEY"]), (KEY, ["GROQ_API_KEY", "OPENAI_API_KEY"])])
def test_nothing_or_one_value_for_two_names_sets_nothing(
    given: str, names: list[str], env_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    assert run(["--json", "config", "set", *names]) == 2
    assert code(capsys) == "usage"
    assert not env_file.exists()


@pytest.mark.parametrize("name", ["a-b", "1A", "A B", "Ä", ""])
def test_a_name_that_is_none_is_refused_without_its_value(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", "config", "set", f"{name}=planted-value"]) == 2
    told = capsys.readouterr()
    assert "planted-value" not in told.out + told.err


def test_at_a_terminal_it_is_asked_for_and_not_shown(env_file: Path) -> None:
    master, slave = pty.openpty()
    argv = [sys.executable, "-m", "run_claude", "config", "set", "GROQ_API_KEY"]
    process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    shown, end = b"", time.monotonic() + 60
    while b"GROQ_API_KEY:" not in shown:  # echo is off before it asks
        assert time.monotonic() < end
        shown += os.read(master, 4096)
    os.write(master, f"{KEY}\n".encode())
    try:
        while chunk := os.read(master, 4096):
            shown += chunk
    except OSError:  # it has ended
        pass
    os.close(master)
    assert process.wait(60) == 0, shown
    assert KEY.encode() not in shown
    assert env_file.read_text() == f"GROQ_API_KEY={KEY}\n"


# --- unset ------------------------------------------------------------------------------------------------------------


def test_what_is_unset_is_gone_and_the_rest_is_unchanged(
    write: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(".env", "# mine\nA=1\nexport GROQ_API_KEY='two\nlines'  # of it\n\nB=2\nGROQ_API_KEY=again\r\nC=3")
    assert run(["config", "unset", "GROQ_API_KEY", "C", "ABSENT"]) == 0
    assert path.read_text() == "# mine\nA=1\n\nB=2\n"
    told = capsys.readouterr().err
    assert "Removed GROQ_API_KEY, C from" in told
    assert "Not set in" in told
    assert "ABSENT" in told


@pytest.mark.cause("secret-needed")
@pytest.mark.parametrize("name", ["LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "RUN_CLAUDE_TIMESCALEDB_PASSWORD"])
def test_a_secret_that_data_or_containers_depend_on_cannot_be_unset(
    name: str, write: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(".env", f"{name}=x\n")
    assert run(["--json", "config", "unset", name]) == 2
    assert code(capsys) == "secret-needed"
    assert path.read_text() == f"{name}=x\n"


# --- list -------------------------------------------------------------------------------------------------------------


def test_a_list_says_which_keys_are_set_and_shows_no_value(
    write: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    write(".env", f"GROQ_API_KEY={KEY}\nANYTHING=planted-value\nRUN_CLAUDE_WATCH_BUDGET=7\n")
    assert run(["config", "list"]) == 0
    shown = capsys.readouterr().out
    assert run(["config", "list", "--json"]) == 0
    told = capsys.readouterr().out
    assert KEY not in shown + told
    assert "planted-value" not in shown + told
    rows = {row["name"]: row["value"] for row in json.loads(told)}
    assert (rows["GROQ_API_KEY"], rows["ANYTHING"], rows["RUN_CLAUDE_WATCH_BUDGET"]) == ("(set)", "(set)", "7")


# --- what people guess ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assignment", "meant"),
    [
        ("LITELLM_PRT=1", "Did you mean LITELLM_PORT?"),
        ("RUN_CLAUDE_BINT=::1", "Did you mean RUN_CLAUDE_BIND?"),
        ("RUN_CLAUDE_COLOUR=red", "run-claude config list"),
    ],
)
def test_a_setting_that_there_is_not_is_answered_with_those_that_there_are(
    assignment: str, meant: str, env_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "set", assignment]) == 2
    told = capsys.readouterr().err
    assert f"There is no setting {assignment.partition('=')[0]}." in told
    assert meant in told
    assert not env_file.exists()


@pytest.mark.parametrize("assignment", ["LITELLM_LOG=DEBUG", "MY_REGION=north", "LITELLM_LOCAL_MODEL_COST_MAP=True"])
def test_any_other_variable_may_be_set(assignment: str, env_file: Path) -> None:
    assert run(["config", "set", assignment]) == 0
    assert assignment in env_file.read_text()


def test_a_value_that_cannot_be_used_is_the_commands_not_the_environments(
    env_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "set", "LITELLM_PORT=99999"]) == 3
    told = capsys.readouterr().err
    assert "error: LITELLM_PORT: a port must be a number from 1 to 65535, not '99999'." in told
    assert "environment" not in told
    assert not env_file.exists()


def test_who_wins_is_said_where_the_environment_differs(
    env_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LITELLM_PORT", "4450")
    assert run(["config", "set", "LITELLM_PORT=4451"]) == 0
    assert "LITELLM_PORT is set in the environment as well" in capsys.readouterr().err
    assert "LITELLM_PORT=4451" in env_file.read_text()


@pytest.mark.parametrize("given", [b"\xff\xfe", b"ab\0c\n", b"one\ntwo\n"], ids=repr)
def test_what_is_no_line_of_text_is_no_value(given: bytes, env_file: Path) -> None:
    command = [sys.executable, "-m", "run_claude", "config", "set", "GROQ_API_KEY"]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    assert (done.returncode, b"no line of text" in done.stderr) == (2, True), done.stderr
    assert not env_file.exists()


def test_a_setting_that_cannot_be_used_can_be_unset(env_file: Path) -> None:
    env_file.parent.mkdir(parents=True, exist_ok=True)
    env_file.write_text("RUN_CLAUDE_BIND=foo\n")
    assert run(["config", "unset", "RUN_CLAUDE_BIND"]) == 0
    assert "foo" not in env_file.read_text()

"""What stands where a file is expected: pipes, devices, sockets, folders, planted links. Refused, and nothing hangs."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from run_claude.cli.root import run
from run_claude.config import pipes
from run_claude.config.files import read_bytes, write_new
from run_claude.config.settings import load_settings
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def fifo(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, suppress(OSError):
        here = os.open(path.parent, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/{path.name}")  # a path of a test is longer than an address may be
        os.close(here)


def folder(path: Path) -> None:
    path.mkdir()


STRANGE = [fifo, endless, listening, folder]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe may be a password manager's, which has 15 s."""
    monkeypatch.setattr(pipes, "PATIENCE", 0.2)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_no_file_is_not_read(strange: Callable[[Path], None], tmp_path: Path) -> None:
    strange(tmp_path / "it")
    with pytest.raises(ConfigError) as caught:
        read_bytes(tmp_path / "it")
    assert caught.value.code == "file-unreadable"
    assert str(tmp_path / "it") in caught.value.message


def test_nothing_is_an_empty_file() -> None:
    from pathlib import Path

    assert read_bytes(Path(os.devnull)) == b""


@pytest.mark.timeout(20)
@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("name", ["models.yaml", "profiles.yaml"])
def test_a_users_file_that_is_none_is_named(
    strange: Callable[[Path], None], name: str, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_settings(environ).paths.config
    config.mkdir(exist_ok=True)
    strange(config / name)
    assert run(["--json", "profiles", "list"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], name in error["message"]) == ("file-unreadable", True)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("strange", STRANGE)
def test_a_ca_bundle_that_is_none_is_named(
    strange: Callable[[Path], None], tmp_path: Path, environ: dict[str, str]
) -> None:
    strange(tmp_path / "ca.pem")
    with pytest.raises(ConfigError, match="RUN_CLAUDE_CA_BUNDLE"):
        load_settings({**environ, "RUN_CLAUDE_CA_BUNDLE": str(tmp_path / "ca.pem")})


@pytest.mark.timeout(20)
@pytest.mark.parametrize("strange", STRANGE)
def test_settings_for_claude_that_are_none_are_named(strange: Callable[[Path], None], tmp_path: Path) -> None:
    from run_claude.config.claude_settings import session_settings
    from run_claude.errors import UsageError

    strange(tmp_path / "it")
    with pytest.raises(UsageError, match="--settings"):
        session_settings({"HOME": str(tmp_path)}, tmp_path, {}, "it")


# --- new files --------------------------------------------------------------------------------------------------------


def link(path: Path) -> None:
    path.symlink_to(path.parent / "target")


def broken_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("taken", [*STRANGE, link, broken_link])
@pytest.mark.parametrize("command", [("secrets", "export"), ("doctor", "--report")])
def test_a_new_file_replaces_nothing_and_follows_no_link(
    taken: Callable[[Path], None], command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "target").write_text("theirs")
    taken(tmp_path / "it")
    assert run(["--json", *command, str(tmp_path / "it")]) != 0
    assert json.loads(capsys.readouterr().out)["error"]["code"] in ("file-exists", "usage")
    assert (tmp_path / "target").read_text() == "theirs"
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_comes_in_between_is_kept(tmp_path: Path) -> None:
    (tmp_path / "it").write_text("theirs")
    with pytest.raises(ConfigError) as caught:
        write_new(tmp_path / "it", "ours")
    assert caught.value.code == "file-exists"
    assert (tmp_path / "it").read_text() == "theirs"


def test_a_new_file_is_the_users_alone(tmp_path: Path) -> None:
    write_new(tmp_path / "new/it", "ours")
    assert (tmp_path / "new/it").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new/it").read_text() == "ours"

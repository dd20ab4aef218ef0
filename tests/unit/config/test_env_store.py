"""A `.env` that is not ours to replace: read once, never replaced, never copied; ours beside it takes what is new."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from run_claude.config import env_store, pipes
from run_claude.config.secrets import (
    DATABASE_PASSWORD,
    MASTER_KEY,
    SALT_KEY,
    ensure_secrets,
    has_secrets,
    read_secrets,
    rotate,
    store,
)
from run_claude.config.settings import Settings, load_settings
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VAULT = "OPENAI_API_KEY=sk-of-the-vault-0123456789\n"


@pytest.fixture
def folder(environ: dict[str, str]) -> Path:
    """The configuration folder, in which there is nothing yet."""
    path = load_settings(environ).paths.config
    path.mkdir(parents=True)
    return path


class Writer:
    """A password manager: writes to a pipe whenever somebody opens it, until it is stopped."""

    def __init__(self, path: Path, text: str) -> None:
        os.mkfifo(path, 0o600)
        self.path, self.text, self.times, self._over = path, text, 0, False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._over:
            with self.path.open("w") as pipe:
                if not self._over:
                    pipe.write(self.text)
                    self.times += 1
            time.sleep(0.02)  # as a reader that has not yet seen the end would read the next answer as well

    def stop(self) -> None:
        self._over = True
        os.close(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))


@pytest.fixture
def vault(folder: Path) -> Iterator[Writer]:
    """A `.env` that is a pipe, with somebody who writes to it."""
    writer = Writer(folder / ".env", VAULT)
    yield writer
    writer.stop()


def files(folder: Path) -> str:
    """Return what all regular files hold."""
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_a_pipe_is_read_once_and_stays_a_pipe(environ: dict[str, str], folder: Path, vault: Writer) -> None:
    settings = load_settings(environ)
    notes = ensure_secrets(settings)
    again = load_settings(environ, port=4600)
    assert read_secrets(again, ["OPENAI_API_KEY"]).keys == {"OPENAI_API_KEY": "sk-of-the-vault-0123456789"}
    assert has_secrets(again)
    assert vault.times == 1
    assert (folder / ".env").is_fifo()
    assert "of-the-vault" not in files(folder)
    assert (folder / ".env.run-claude").stat().st_mode & 0o777 == 0o600
    assert f"in {folder / '.env.run-claude'}." in notes[0]
    assert notes[1] == f"{folder / '.env'} is a named pipe: it stays as it is."
    assert ensure_secrets(again) == []


def test_what_a_pipe_sets_goes_before_ours_and_is_not_changed(
    environ: dict[str, str], folder: Path, vault: Writer
) -> None:
    settings = load_settings(environ)
    ensure_secrets(settings)
    with pytest.raises(ConfigError, match="is a named pipe: run-claude does not write it"):
        store(settings, {"OPENAI_API_KEY": "sk-other"})
    assert store(settings, {"LITELLM_PORT": "4700"}) == folder / ".env.run-claude"
    assert load_settings(environ).port == 4700
    key = read_secrets(settings).master_key
    rotate(settings, [MASTER_KEY])
    assert read_secrets(load_settings(environ)).master_key != key


def test_no_salt_key_is_made_of_a_master_key_that_may_not_be_copied(environ: dict[str, str], folder: Path) -> None:
    writer = Writer(folder / ".env", f"{MASTER_KEY}=sk-0123456789abcdef0123\n{DATABASE_PASSWORD}=secret-0123\n")
    try:
        settings = load_settings(environ)
        ensure_secrets(settings)
        secrets = read_secrets(settings)
    finally:
        writer.stop()
    assert secrets.salt_key == secrets.master_key, "with which LiteLLM has encrypted"
    assert SALT_KEY not in files(folder)
    assert "0123456789abcdef" not in files(folder)


@pytest.mark.parametrize("kind", ["read-only", "of another user", "in another file system"])
def test_a_file_that_is_not_ours_is_never_replaced(
    environ: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = folder / ".env"
    path.write_text(VAULT)
    path.chmod(0o644)
    real = type(path).stat
    if kind == "read-only":
        path.chmod(0o444)
    else:
        changed = {"of another user": 4, "in another file system": 2}[kind]  # of stat's fields: uid, device

        def other(self: Path, **options: bool) -> os.stat_result:
            found = list(real(self, **options))
            if self.name == ".env":
                found[changed] += 1
            return os.stat_result(found)

        monkeypatch.setattr(type(path), "stat", other)
    before = real(path)
    settings = load_settings(environ)
    notes = ensure_secrets(settings)
    store(settings, {"LITELLM_PORT": "4700"})
    after = real(path)
    assert (after.st_ino, after.st_mode, path.read_text()) == (before.st_ino, before.st_mode, VAULT)
    assert load_settings(environ).port == 4700
    assert "of-the-vault" not in (folder / ".env.run-claude").read_text()
    assert any(note.endswith("it stays as it is.") for note in notes)


def test_a_link_within_the_file_system_is_followed_as_before(
    environ: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "dotfiles.env").write_text(VAULT)
    (folder / ".env").symlink_to(tmp_path / "dotfiles.env")
    ensure_secrets(load_settings(environ))
    assert (folder / ".env").is_symlink()
    assert MASTER_KEY in (tmp_path / "dotfiles.env").read_text()


def test_root_in_a_users_folder_writes_the_users_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert env_store.foreign(folder / ".env") == ""


def test_nobody_waits_for_a_writer_for_ever(
    environ: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes, "PATIENCE", 0.2)
    os.mkfifo(folder / ".env")
    with pytest.raises(ConfigError, match="nothing was written to it within") as failed:
        load_settings(environ)
    assert failed.value.code == "file-unreadable"
    monkeypatch.setattr(pipes, "PATIENCE", 600)
    with pytest.raises(ConfigError):
        load_settings(environ)


def test_a_pipe_without_an_end_is_given_up(
    environ: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes, "_LARGEST", 10)
    writer = Writer(folder / ".env", VAULT)
    try:
        with pytest.raises(ConfigError, match="gives over"):
            load_settings(environ)
    finally:
        writer.stop()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("command", [["secrets", "init"], ["models", "list"]])
def test_a_signal_ends_the_wait_for_a_writer(
    environ: dict[str, str], folder: Path, command: list[str], number: signal.Signals, code: int
) -> None:
    os.mkfifo(folder / ".env")
    process = subprocess.Popen(
        [sys.executable, "-m", "run_claude", *command], env=environ, stderr=subprocess.PIPE, text=True
    )
    descriptor = None
    while descriptor is None:  # until it has opened the pipe
        try:
            descriptor = os.open(folder / ".env", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert process.poll() is None
            time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(number)
    _, printed = process.communicate(timeout=10)
    os.close(descriptor)
    assert (process.returncode, "Interrupted" in printed, "Traceback" in printed) == (code, True, False), printed


def test_settings_are_the_same_whoever_asks(environ: dict[str, str], vault: Writer) -> None:
    first: Settings = load_settings(environ)
    assert first.environment().get("OPENAI_API_KEY") == load_settings(environ).environment().get("OPENAI_API_KEY")
    assert vault.times == 1

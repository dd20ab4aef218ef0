from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from run_claude.config.files import (
    ensure_folder,
    exclusive,
    mend_mode,
    read_bytes,
    read_text,
    write_atomic,
    write_if_changed,
)
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_written_file_has_content_and_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomic(tmp_path / "new" / "file", "é\n", mode=0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "new/file").read_bytes() == b"\xc3\xa9\n"
    assert stat.S_IMODE((tmp_path / "new/file").stat().st_mode) == 0o644


def test_a_new_file_is_private_by_default(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", b"secret")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="no space left on device") as raised:
        write_atomic(path, "new")
    assert raised.value.code == "file-unwritable"
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_kill_in_the_middle_leaves_the_old_or_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a" * 100_000)
    script = (
        "import sys, pathlib\n"
        "from run_claude.config.files import write_atomic\n"
        "print(flush=True)\n"
        "while True:\n"
        "    for letter in 'ab': write_atomic(pathlib.Path(sys.argv[1]), letter * 100_000)\n"
    )
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.kill()
        writer.wait()
        writer.stdout.close()
        assert path.read_text() in ("a" * 100_000, "b" * 100_000)


def test_what_a_killed_writer_has_left_goes_with_the_next_write_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f".file.{ended.pid}.0123abcd.tmp"
    kept = [
        tmp_path / f".file.{os.getpid()}.0123abcd.tmp",
        tmp_path / ".file.mine.tmp",
        tmp_path / ".file.my.01234567.tmp",
    ]
    for path in (left, *kept):
        path.write_text("half")
    write_atomic(tmp_path / "file", "whole")
    assert not left.exists()
    assert all(path.exists() for path in kept)


def test_a_symlink_stays_one_and_its_target_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "dotfiles" / "env", tmp_path / "env"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to(target)
    write_atomic(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_same_content_and_mode_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert write_if_changed(path, "x")
    inode = path.stat().st_ino
    assert not write_if_changed(path, "x")
    assert path.stat().st_ino == inode
    path.chmod(0o644)
    assert write_if_changed(path, "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert write_if_changed(path, "y")


def test_a_missing_file_reads_as_none(tmp_path: Path) -> None:
    assert read_text(tmp_path / "no") is None
    assert read_bytes(tmp_path / "no" / "no") is None


def test_an_unreadable_file_names_itself(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory") as raised:
        read_text(tmp_path)
    assert raised.value.facts == {"file": str(tmp_path)}


def test_a_file_that_is_no_text_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"one\ntwo\nthr\xffee\n")
    with pytest.raises(ConfigError, match=r"f:3: not UTF-8") as raised:
        read_text(tmp_path / "f")
    assert raised.value.facts["line"] == 3


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be created") as raised:
        ensure_folder(tmp_path / "file" / "folder")
    assert "RUN_CLAUDE_HOME" in raised.value.help


@pytest.mark.parametrize(("mode", "after"), [(0o644, 0o600), (0o666, 0o600), (0o600, 0o600), (0o400, 0o400)])
def test_a_mode_is_narrowed_and_never_widened(tmp_path: Path, mode: int, after: int) -> None:
    path = tmp_path / "file"
    path.write_text("")
    path.chmod(mode)
    note = mend_mode(path, 0o600)
    assert stat.S_IMODE(path.stat().st_mode) == after
    assert bool(note) == (mode != after)


def test_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with exclusive(tmp_path):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with exclusive(tmp_path):
        inside.set()
        thread.join(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]

"""`run-claude install --force` at a terminal: it asks before it replaces what the user has changed."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from run_claude.config.settings import load_settings
from run_claude.deploy.services import install_services

if TYPE_CHECKING:
    from pathlib import Path

WITHIN = 30.0  # seconds


@pytest.fixture
def compose_file(tmp_path: Path) -> Path:
    """An installed compose file with a change of the user's."""
    paths = load_settings(environment(tmp_path)).paths
    install_services(paths)
    path = paths.services / "docker-compose.yaml"
    path.write_text("# mine\n" + path.read_text())
    return path


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "RUN_CLAUDE_HOME": str(folder / "config"), "RUN_CLAUDE_STATE": str(folder / "state")}


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "run_claude", "install", "--no-build", *options]


def answered(folder: Path, answer: bytes, *options: str) -> tuple[int, str]:
    """Run the command at a terminal, type the answer when it asks, and return exit code and screen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("--force", *options),
        env=environment(folder),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # it becomes the session's terminal
    )
    os.close(theirs)
    screen, deadline = b"", time.monotonic() + WITHIN
    try:
        while time.monotonic() < deadline:
            try:
                data = os.read(ours, 4096)
            except OSError:  # Linux's end of a terminal
                break
            if not data:
                break
            if b"[y/N]" not in screen and b"[y/N]" in screen + data:
                os.write(ours, answer)
            screen += data
        return process.wait(WITHIN), screen.decode()
    finally:
        process.kill()
        os.close(ours)


def test_no_leaves_the_users_file(compose_file: Path, tmp_path: Path) -> None:
    code, screen = answered(tmp_path, b"\n")
    assert code == 0
    assert "Replace docker-compose.yaml?" in screen
    assert compose_file.read_text().startswith("# mine\n")


def test_yes_replaces_it_and_keeps_the_users_beside_it(compose_file: Path, tmp_path: Path) -> None:
    assert answered(tmp_path, b"y\n")[0] == 0
    assert not compose_file.read_text().startswith("# mine\n")
    assert compose_file.with_name("docker-compose.yaml.old").read_text().startswith("# mine\n")


def test_ctrl_c_at_the_question_ends_the_command_and_changes_nothing(compose_file: Path, tmp_path: Path) -> None:
    code, _ = answered(tmp_path, b"\x03")
    assert code == 130
    assert compose_file.read_text().startswith("# mine\n")


@pytest.mark.parametrize("options", [["--yes"], []], ids=["--yes", "no terminal"])
def test_nobody_is_asked(compose_file: Path, tmp_path: Path, options: list[str]) -> None:
    if options:
        assert "[y/N]" not in answered(tmp_path, b"", *options)[1]
    else:
        subprocess.run(command("--force"), env=environment(tmp_path), stdin=subprocess.DEVNULL, check=True)
    assert compose_file.with_name("docker-compose.yaml.old").exists()

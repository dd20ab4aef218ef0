"""`.env` is read once, and again only after it has changed."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from run_claude.config import environment
from run_claude.config.environment import EnvironmentFile
from run_claude.config.files import read_text
from run_claude.config.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from run_claude.config.paths import Paths

    Write = Callable[[str, str], Path]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Each reading of a `.env`."""
    seen: list[Path] = []

    def noted(path: Path) -> str | None:
        seen.append(path)
        return read_text(path)

    monkeypatch.setattr(environment, "read_text", noted)
    return seen


def test_a_file_that_stays_is_read_once(environ: dict[str, str], write: Write, read: list[Path]) -> None:
    path = write(".env", "A=1\n")
    settings = load_settings(environ)
    assert [settings.environment().get("A") for _ in range(3)] == ["1"] * 3
    assert read == [path]


def test_a_file_that_changes_is_read_again(environ: dict[str, str], write: Write, read: list[Path]) -> None:
    settings = load_settings(environ)
    assert settings.environment().get("A") == ""
    path = write(".env", "A=1\n")
    assert settings.environment().get("A") == "1"
    path.write_text("A=22\n")
    assert settings.environment().get("A") == "22"
    path.unlink()
    assert settings.environment().get("A") == ""
    assert len(read) == 4


def test_a_pipe_is_read_once_whatever_comes_later(paths: Paths, read: list[Path]) -> None:
    paths.config.mkdir()
    os.mkfifo(paths.env_file)
    writer = threading.Thread(target=paths.env_file.write_text, args=("A=1\n",))
    writer.start()
    file = EnvironmentFile({}, paths.env_file)
    assert [file.load().get("A") for _ in range(3)] == ["1"] * 3
    writer.join()
    assert read == [paths.env_file]

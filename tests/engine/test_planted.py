"""Secrets are planted wherever the user may have some; no command shows one, in any of its ways."""

from __future__ import annotations

import secrets
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import planted

from .commands import instance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .instance import Instance

__all__ = ["instance"]

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

KEYS = {
    "OPENROUTER_API_KEY": "sk-or-v1-planted0c9d4e1b7a",
    "DEEPSEEK_API_KEY": "sk-planted3f7e0a5b9c2d",
    "ANTHROPIC_API_KEY": "sk-ant-planted77b0ce41aa",
}


def of_litellm(folder: Path) -> list[tuple[str, ...]]:
    """What LiteLLM itself has a part in: its log, its answers, what it says of itself."""
    return [
        ("-v", "proxy", "start", "--profile", "demo"),
        ("proxy", "health"),
        ("models", "test", "demo-opus"),
        ("proxy", "logs"),
        ("doctor", "--report", str(folder / "report.md")),
        ("-v", "secrets", "rotate"),
        ("-v", "proxy", "stop", "--all"),
    ]


def all_others(instance: Instance, folder: Path) -> list[tuple[str, ...]]:
    return [
        ("install", "--no-build"),
        ("-v", "proxy", "start", "--profile", "demo"),
        ("proxy", "status"),
        ("models", "list"),
        ("profiles", "list"),
        ("secrets", "show"),
        ("secrets", "init"),
        ("doctor", "--report", "-"),
        ("-v", "secrets", "rotate", "--database"),
        ("-v", "db", "status"),
        ("-v", "db", "backup", str(folder / "b.tar")),
        ("-v", "db", "restore", str(folder / "b.tar"), "--yes"),
        ("db", "shell", "--", "-c", "SELECT * FROM pg_stat_activity"),
        ("history",),
        ("-v", "proxy", "restart"),
        ("proxy", "start", "--port", "4999", "--db-port", "4999"),  # an error
        ("proxy", "start", "--profile", "no-such-one"),
        ("config", "set", "LITELLM_PORT=no-port"),
        ("-v", "proxy", "stop", "--all"),
        ("-v", "db", "destroy", "--yes-destroy-data", "--no-dump"),
    ]


@pytest.mark.slow(50)
def test_neither_litellm_nor_what_asks_it_shows_a_planted_secret(instance: Instance, tmp_path: Path) -> None:
    nothing_shows(instance, tmp_path, of_litellm(tmp_path))


@pytest.mark.slow(40)
@pytest.mark.stand_in
def test_no_other_command_shows_a_planted_secret(instance: Instance, tmp_path: Path) -> None:
    nothing_shows(instance, tmp_path, all_others(instance, tmp_path))


def nothing_shows(instance: Instance, folder: Path, commands: Iterable[tuple[str, ...]]) -> None:
    """Run commands, and look at what they print, leave in files, tell the engine, and have on their command lines."""
    planted.keep(KEYS.values())
    instance.config.mkdir(parents=True)
    in_file = {name: value for name, value in KEYS.items() if name != "DEEPSEEK_API_KEY"}
    (instance.config / ".env").write_text("".join(f"{name}={value}\n" for name, value in in_file.items()))
    instance.extra["DEEPSEEK_API_KEY"] = KEYS["DEEPSEEK_API_KEY"]
    with planted.Processes(every=0.01) as processes:
        for arguments in commands:
            instance.run(*arguments, expect=None)
            if arguments[-1] in ("status", "show", "history") or "--profile" in arguments:
                instance.run(*arguments, "--json", expect=None)
            if "restart" in arguments or "rotate" in arguments:
                planted.check_containers(instance.name)
        planted.check_files(instance.folder)
        planted.check_files(folder)
    assert processes.looked > 100
    assert processes.seen == []


def test_a_secret_in_a_command_line_would_be_found() -> None:
    canary = f"canary-{secrets.token_hex(8)}"
    with planted.Processes(every=0.005, found=lambda line: canary in line) as processes:
        subprocess.run(["sh", "-c", f"sleep 0.2; : {canary}"], check=True)
        subprocess.run(
            ["sh", "-c", f"sleep 0.2; exec {sys.executable} -c 'import time; time.sleep(0.2)' {canary}"], check=True
        )
    assert [line.split()[0] for line in processes.seen] == ["sh", "sh", sys.executable]


def test_what_is_planted_would_be_found(tmp_path: Path) -> None:
    planted.keep(["planted-canary-1234567890"])
    with pytest.raises(AssertionError, match="prints a secret"):
        planted.check_text(["proxy", "status"], "the key is planted-canary-1234567890")
    planted.check_text(["env", "demo"], "the key is planted-canary-1234567890")
    (tmp_path / "history.jsonl").write_text("planted-canary-1234567890")
    with pytest.raises(AssertionError, match="holds a secret"):
        planted.check_files(tmp_path)
    (tmp_path / "history.jsonl").unlink()

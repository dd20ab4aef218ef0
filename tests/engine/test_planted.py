"""Secrets are planted wherever the user may have some; no command shows one, in any of its ways."""

from __future__ import annotations

import secrets
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import planted

from .provider_keys import plant_keys

if TYPE_CHECKING:
    from pathlib import Path

    from .instance import Instance

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]


def commands(instance: Instance, folder: Path) -> list[tuple[str, ...]]:
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


@pytest.mark.slow(30)
@pytest.mark.stand_in
def test_no_command_shows_a_planted_secret(instance: Instance, tmp_path: Path) -> None:
    """In what it prints, in files, on the engine, on any command line. With LiteLLM's own part: test_running.py."""
    plant_keys(instance)
    with planted.Processes(every=0.01) as processes:
        for arguments in commands(instance, tmp_path):
            instance.run(*arguments, expect=None)
            if arguments[-1] in ("status", "show", "history") or "--profile" in arguments:
                instance.run(*arguments, "--json", expect=None)
            if "restart" in arguments or "rotate" in arguments:
                planted.check_containers(instance.name)
        planted.check_files(instance.folder)
        planted.check_files(tmp_path)
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

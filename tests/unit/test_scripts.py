"""`scripts/start` writes no stand-in into `.env` that the user's volume does not fit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

LIB = Path(__file__).parents[2] / "scripts/lib.sh"
STAND_IN = "RUN_CLAUDE_TIMESCALEDB_IMAGE=run-claude-base/timescaledb:pg17"
PYTHON = "RUN_CLAUDE_PYTHON_IMAGE=run-claude-base/python:3.13"


def remember(folder: Path, code: str, *settings: str) -> tuple[int, str, str]:
    """Run it with a run-claude whose doctor finds this; return exit code, stderr and what was set."""
    command = folder / "run-claude"
    command.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = doctor ]; then echo \'{{"findings": [{{"check": "volume", "code": "{code}"}}]}}\'; exit 1; fi\n'
        f'echo "$3" >>{folder}/set\n'
    )
    command.chmod(0o700)
    script = f'set -eu; . {LIB}; PATH={folder}:$PATH; remember_bases "$@"'
    done = subprocess.run(
        ["bash", "-c", script, "start", str(folder / ".env"), *settings],
        env={**os.environ, "RUN_CLAUDE_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    written = folder / "set"
    return done.returncode, done.stderr, written.read_text() if written.exists() else ""


@pytest.mark.parametrize("code", ["timescaledb-version", "database-version", "database-image"])
def test_a_stand_in_that_cannot_read_the_volume_is_not_written(tmp_path: Path, code: str) -> None:
    exit_code, said, written = remember(tmp_path, code, PYTHON, STAND_IN)
    assert exit_code == 6
    assert "made by another image" in said
    assert written == f"{PYTHON}\n"


def test_one_that_can_is_written_once(tmp_path: Path) -> None:
    assert remember(tmp_path, "engine-not-running", PYTHON, STAND_IN) == (0, "", f"{PYTHON}\n{STAND_IN}\n")
    (tmp_path / ".env").write_text(f"{PYTHON}\n{STAND_IN}\n")
    (tmp_path / "set").unlink()
    assert remember(tmp_path, "timescaledb-version", PYTHON, STAND_IN) == (0, "", "")


def test_engines_that_the_tests_do_not_know_are_refused_at_once() -> None:
    done = subprocess.run([LIB.parent / "test", "--engines", "some"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "test: --engines some is unknown\n  → scripts/test --engines all\n"

"""Fixtures for every tier: no test can reach the user's own stack, files or engine settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.planted import Processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OURS = ("RUN_CLAUDE_", "LITELLM_", "ANTHROPIC_", "OPENAI_", "CLAUDE_", "COMPOSE_")
_KEPT = {"RUN_CLAUDE_PYTHON_IMAGE", "RUN_CLAUDE_TIMESCALEDB_IMAGE"}  # what scripts/bases settled for this machine


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _away_from_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(_OURS) and name not in _KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RUN_CLAUDE_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("RUN_CLAUDE_STATE", str(tmp_path / "state"))
    (tmp_path / "home").mkdir()


@pytest.fixture(scope="session", autouse=True)
def _no_secret_in_the_process_list() -> Iterator[None]:
    """Look at the command lines of the machine for as long as the tests run."""
    with Processes(every=0.2) as processes:
        yield
    assert not processes.seen, "a command line holds a secret"

"""A stop is a shutdown and no crash: nothing is left for the next start to recover."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .instance import Instance

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(300)]


def said(container: str) -> str:
    """Return the whole log of a container: PostgreSQL writes it on stderr."""
    return subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True).stderr


def test_a_stopped_database_has_shut_down(instance: Instance) -> None:
    instance.start()
    instance.run("proxy", "stop", "--with-db")
    assert instance.inspect("timescaledb")["State"]["ExitCode"] == 0
    name = instance.container("timescaledb")
    stopped = said(name)
    instance.start()
    printed = said(name).removeprefix(stopped)
    assert "not properly shut down" not in printed
    assert "was interrupted" not in printed

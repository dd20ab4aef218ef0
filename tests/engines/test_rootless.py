"""An engine that a user runs without root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .machine import ONE_ARCHIVE, ROOTLESS
from .obligations import MachineObligations

if TYPE_CHECKING:
    from .machine import Resident

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(600), pytest.mark.slow(60), ONE_ARCHIVE]
ENGINE = ROOTLESS


def test_nothing_of_it_belongs_to_root(stack: Resident) -> None:
    assert "name=rootless" in stack.machine.info()["SecurityOptions"]
    pid = stack.inspect("timescaledb")["State"]["Pid"]
    assert stack.machine.run("stat", "-c", "%U", f"/proc/{pid}").stdout.strip() == "ada"


def test_the_doctor_notes_whether_limits_are_enforced(stack: Resident) -> None:
    noted = [row["mark"] for row in stack.json("doctor")["findings"] if "enforces no limits" in row["text"]]
    assert noted == ([] if stack.machine.info()["MemoryLimit"] else ["note"])


class TestWithoutRoot(MachineObligations):
    """All that is owed."""

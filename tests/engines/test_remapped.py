"""An engine whose containers have users of their own: root inside is nobody outside (userns-remap)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .machine import ONE_ARCHIVE, REMAPPED
from .obligations import MachineObligations

if TYPE_CHECKING:
    from .machine import Resident

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(600), pytest.mark.slow(60), ONE_ARCHIVE]
ENGINE = REMAPPED


def test_root_in_a_container_is_another_user_outside(stack: Resident) -> None:
    assert "name=userns" in stack.machine.info()["SecurityOptions"]
    pid = stack.inspect("timescaledb")["State"]["Pid"]
    assert stack.machine.run("stat", "-c", "%u", f"/proc/{pid}").stdout.strip() == "300000"


class TestRemappedUsers(MachineObligations):
    """All that is owed."""

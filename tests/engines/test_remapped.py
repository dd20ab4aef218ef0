"""An engine whose containers have users of their own: root inside is nobody outside (userns-remap)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .machine import REMAPPED
from .obligations import MachineObligations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Start
    from .machine import Resident

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(600), pytest.mark.slow(60)]


@pytest.fixture(scope="module")
def stack(started_on: Start) -> Iterator[Resident]:
    """A healthy stack on it."""
    with started_on(REMAPPED) as stack:
        yield stack


def test_root_in_a_container_is_another_user_outside(stack: Resident) -> None:
    assert "name=userns" in stack.machine.info()["SecurityOptions"]
    pid = stack.inspect("timescaledb")["State"]["Pid"]
    assert stack.machine.run("stat", "-c", "%u", f"/proc/{pid}").stdout.strip() == "300000"


class TestRemappedUsers(MachineObligations):
    """All that is owed."""

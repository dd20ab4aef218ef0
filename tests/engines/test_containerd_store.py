"""An engine that keeps images in the store of containerd, as new ones do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .machine import CONTAINERD, ONE_ARCHIVE
from .obligations import MachineObligations

if TYPE_CHECKING:
    from .machine import Resident

pytestmark = [
    pytest.mark.engine,
    pytest.mark.rare_engine,
    pytest.mark.stand_in,
    pytest.mark.timeout(600),
    pytest.mark.slow(60),
    ONE_ARCHIVE,
]
ENGINE = CONTAINERD


def test_the_engine_keeps_its_images_in_containerds_store(stack: Resident) -> None:
    assert "io.containerd.snapshotter.v1" in str(stack.machine.info()["DriverStatus"])


class TestContainerdsStore(MachineObligations):
    """All that is owed."""

"""The newest engine, Compose and Python that Debian has: 28.5, 2.40 and 3.14."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .machine import NEWEST
from .obligations import MachineObligations
from .product import PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Start
    from .machine import Resident

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(600), pytest.mark.slow(60)]


@pytest.fixture(scope="module")
def stack(started_on: Start) -> Iterator[Resident]:
    """A healthy stack on it."""
    with started_on(NEWEST) as stack:
        yield stack


def test_it_is_newer_than_the_engine_of_all_other_tests(stack: Resident) -> None:
    versions = {
        "engine": stack.machine.info()["ServerVersion"],
        "compose": stack.machine.run("docker", "compose", "version", "--short").stdout,
        "python": stack.machine.run("python3", "--version").stdout.removeprefix("Python "),
    }
    assert versions["engine"].startswith("28."), versions
    assert versions["compose"].startswith("2.40"), versions
    assert versions["python"].startswith(PYTHON), versions


class TestTheNewest(MachineObligations):
    """All that is owed."""

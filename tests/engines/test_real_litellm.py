"""The real LiteLLM, built and run on the newest engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .machine import NEWEST, ONE_ARCHIVE
from .obligations import MachineObligations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Start
    from .machine import Resident

pytestmark = [pytest.mark.engine, pytest.mark.rare_engine, pytest.mark.timeout(900), pytest.mark.slow(150), ONE_ARCHIVE]


@pytest.fixture(scope="module")
def stack(real_started_on: Start) -> Iterator[Resident]:
    """A healthy stack on it."""
    with real_started_on(NEWEST) as stack:
        yield stack


def test_it_is_litellm_itself(stack: Resident) -> None:
    version = "import importlib.metadata as installed; print(installed.version('litellm'))"
    assert stack.docker("exec", stack.container("litellm"), "python", "-c", version).startswith("1.")


class TestTheRealLiteLLM(MachineObligations):
    """All that is owed."""

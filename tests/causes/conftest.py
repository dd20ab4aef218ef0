"""The engine's fixtures, for tests that stage a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.conftest import instance

if TYPE_CHECKING:
    from tests.engine.instance import Instance

__all__ = ["installed", "instance"]


@pytest.fixture
def installed(instance: Instance) -> Instance:
    """A stack whose files are there, to be spoilt."""
    instance.run("install", "--no-build")
    return instance

"""A stack of a test's own, and what a cause has to look like from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """A stack of this test alone; nothing is started yet."""
    stack = Instance(tmp_path / "user")
    stack.folder.mkdir()
    yield stack
    stack.remove()
    assert not stack.left_over()


@pytest.fixture
def installed(instance: Instance) -> Instance:
    """A stack whose files are there, to be spoilt."""
    instance.run("install", "--no-build")
    return instance

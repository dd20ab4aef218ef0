"""Stacks for tests: one that a module shares, and fresh ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .instance import Instance

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


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A healthy stack that the tests of a module share. They leave it healthy."""
    stack = Instance(tmp_path_factory.mktemp("user"))
    try:
        stack.start()
        yield stack
    finally:
        stack.remove()

"""Stacks for tests: one that a module shares, and fresh ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .instance import Instance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def release_for(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the environment of the release that a test wants: with a stand-in for LiteLLM, or with the real one."""
    stand_in = request.node.get_closest_marker("stand_in")
    release: dict[str, str] = request.getfixturevalue("stand_in_release" if stand_in else "ready_database")
    return release


@pytest.fixture
def instance(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Instance]:
    """A stack of this test alone; nothing is started yet."""
    stack = Instance(tmp_path / "user", release=release_for(request))
    stack.folder.mkdir()
    yield stack
    stack.remove()
    assert not stack.left_over()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Instance]:
    """A healthy stack that the tests of a module share. They leave it healthy."""
    stack = Instance(tmp_path_factory.mktemp("user"), release=release_for(request))
    try:
        stack.start()
        yield stack
    finally:
        stack.remove()

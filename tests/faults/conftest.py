"""One stack for all fault modules, a watcher for each module, and what is owed after each fault."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from .engine import OwnEngine
from .oracle import BOTH
from .stack import FaultyStack
from .watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, stand_in_release: dict[str, str]) -> Iterator[FaultyStack]:
    """A healthy stack with rows in its database and a stand-in for LiteLLM. Tests leave it healthy."""
    with shared_stack(tmp_path_factory, stand_in_release) as stack:
        yield stack


@contextmanager
def shared_stack(tmp_path_factory: pytest.TempPathFactory, release: dict[str, str]) -> Iterator[FaultyStack]:
    """Start a stack that several tests share."""
    stack = FaultyStack(tmp_path_factory.mktemp("faults") / "user", release)
    try:
        stack.up()
        yield stack
    finally:
        stack.remove()
        assert stack.left_over() == []


@pytest.fixture
def stack(shared: FaultyStack) -> Iterator[FaultyStack]:
    """The shared stack, healthy; afterwards it is again, status tells the truth, and no row is lost."""
    if shared.oracle.phases() != dict.fromkeys(BOTH, "healthy"):
        shared.start()  # the test before has failed: that is no reason for the next one to
        shared.oracle.until_healthy()
    shared.plant()
    yield shared
    shared.oracle.until_healthy()
    shared.owes_nothing()


@pytest.fixture(scope="module")
def watcher(shared: FaultyStack) -> Iterator[Watcher]:
    """A watcher of the shared stack."""
    with Watcher(shared.environment) as watcher:
        watcher.until_watching()
        yield watcher


@pytest.fixture(scope="module")
def own_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyStack]:
    """A stack of stand-ins on an engine of its own, for the tests of a module."""
    with OwnEngine() as engine:
        stack = FaultyStack(tmp_path_factory.mktemp("own") / "user", {}, engine)
        try:
            stack.up()
            yield stack
        finally:
            stack.remove()


@pytest.fixture
def own(own_shared: FaultyStack) -> FaultyStack:
    """A healthy stack of stand-ins on an engine of its own, whatever the test before has done to it."""
    if own_shared.oracle.phases() != dict.fromkeys(BOTH, "healthy"):
        own_shared.start()
    return own_shared

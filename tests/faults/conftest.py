"""One stack for all fault modules, a watcher for each module, and what is owed after each fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .engine import OwnEngine
from .stack import FaultyStack
from .watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyStack]:
    """A healthy stack with rows in its database. Tests leave it healthy."""
    stack = FaultyStack(tmp_path_factory.mktemp("faults") / "user")
    try:
        stack.up()
        yield stack
    finally:
        stack.remove()
        assert stack.left_over() == []


@pytest.fixture
def stack(shared: FaultyStack) -> Iterator[FaultyStack]:
    """The shared stack, healthy; afterwards it is again, status tells the truth, and no row is lost."""
    if shared.oracle.phases() != {"timescaledb": "healthy", "litellm": "healthy"}:
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


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyStack]:
    """A healthy stack of stand-ins on an engine of its own."""
    with OwnEngine() as engine:
        stack = FaultyStack(tmp_path_factory.mktemp("own") / "user", engine)
        try:
            stack.up()
            yield stack
        finally:
            stack.remove()

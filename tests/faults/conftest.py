"""One stack for all fault modules, a watcher for each module, and what is owed after each fault."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from .disk import small_disk
from .engine import OwnEngine
from .oracle import BOTH
from .stack import FaultyStack
from .watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator


# Each stack is made once, since its tests stay on one worker; and it ends with the tests of this folder, not with the
# worker: its probes cost 40 ms of CPU a second, for minutes.
ON_SHARED = pytest.mark.xdist_group("faults: shared")
ON_OWN = pytest.mark.xdist_group("faults: own engine")


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory, stand_in_release: dict[str, str]) -> Iterator[FaultyStack]:
    """A healthy stack with rows in its database and a stand-in for LiteLLM. Tests leave it healthy.

    Its database has a disk of 200 MB, where the tests may make one.
    """
    stack = FaultyStack(tmp_path_factory.mktemp("faults") / "user", stand_in_release)
    with small_disk(200) if os.geteuid() == 0 else nullcontext("") as device:
        try:
            if device:
                stack.give_disk(device)
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
    yield shared
    shared.oracle.until_healthy()
    shared.owes_nothing()


@pytest.fixture(scope="module")
def watcher(shared: FaultyStack) -> Iterator[Watcher]:
    """A watcher of the shared stack."""
    with Watcher(shared.environment) as watcher:
        watcher.until_watching()
        yield watcher


@pytest.fixture(scope="package")
def own_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyStack]:
    """A stack of stand-ins on an engine of its own."""
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

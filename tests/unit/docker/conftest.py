"""A fake engine on a socket of its own, and an observer that is connected to it as the controller connects it."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from run_claude.docker import observer as observer_module
from run_claude.docker.api import EngineApi
from run_claude.docker.endpoint import Endpoint
from run_claude.docker.events import EngineStream
from run_claude.docker.observer import Observer
from tests import runs
from tests.fake.engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.fake.waiting import Observing


@pytest.fixture
def socket() -> Iterator[Path]:
    """A path for a socket; short, for it must fit into 107 bytes."""
    folder = runs.folder("rc")
    yield folder / "docker.sock"
    shutil.rmtree(folder)


@pytest.fixture
def endpoint(socket: Path) -> Endpoint:
    """The endpoint of the fake engine."""
    return Endpoint(f"unix://{socket}")


@pytest.fixture
async def engine(socket: Path) -> AsyncIterator[FakeEngine]:
    """A running engine without containers."""
    async with FakeEngine(socket) as engine:
        yield engine


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect at once: the back-off is not what these tests are about."""
    monkeypatch.setattr(observer_module, "_BACKOFF_FIRST", 0.002)
    monkeypatch.setattr(observer_module, "_BACKOFF_REACHED", 0.02)
    monkeypatch.setattr(observer_module, "_BACKOFF_MAX", 0.02)


@pytest.fixture
def observing(quick: None) -> Observing:
    """A context manager that observes the project ``test`` of an engine, connected as the controller does it."""

    @asynccontextmanager
    async def observe(engine: FakeEngine) -> AsyncIterator[Observer]:
        endpoint = Endpoint(f"unix://{engine.socket}")
        async with EngineApi.connect(endpoint) as api, EngineStream.connect(endpoint) as stream:
            observer = Observer(api, stream, "test")
            async with anyio.create_task_group() as group:
                group.start_soon(observer.run)
                try:
                    yield observer
                finally:
                    group.cancel_scope.cancel()

    return observe

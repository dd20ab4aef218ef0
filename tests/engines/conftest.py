"""Stacks on machines with an engine of their own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.engine.instance import docker

from .machine import Machine, Resident
from .product import pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from .machine import Engine

    Start = Callable[[Engine], AbstractContextManager[Resident]]


@contextmanager
def _started(engine: Engine, product: Path, images: Path, *, real: bool = False) -> Iterator[Resident]:
    with Machine(engine, product, images) as machine:
        stack = Resident(machine)
        if real:
            stack.trust_what_is_trusted_here()
        stack.start()
        yield stack
        stack.remove()


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory, stand_in_release: dict[str, str]) -> Path:
    """run-claude with a stand-in for LiteLLM, as it is carried to a machine."""
    archive = tmp_path_factory.mktemp("product") / "run-claude.tar"
    pack(archive, stand_in_release)
    return archive


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base images in an archive: to load them from a file takes 7 s of CPU, through a pipe 10."""
    archive = tmp_path_factory.mktemp("images") / "images.tar"
    bases = [os.environ[name] for name in ("RUN_CLAUDE_PYTHON_IMAGE", "RUN_CLAUDE_TIMESCALEDB_IMAGE")]
    docker("save", "--output", str(archive), *bases)
    archive.chmod(0o644)  # not only root may read it there
    return archive


@pytest.fixture(scope="session")
def started_on(product: Path, images: Path) -> Start:
    """Return what starts a stack on a machine with such an engine: a context manager."""
    return lambda engine: _started(engine, product, images)


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, started_on: Start) -> Iterator[Resident]:
    """A healthy stack on the engine that the module names."""
    with started_on(request.module.ENGINE) as stack:
        yield stack


@pytest.fixture(scope="module")
def real_started_on(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Start:
    """Return what starts a stack with the real LiteLLM, built there."""
    archive = tmp_path_factory.mktemp("product") / "run-claude.tar"
    pack(archive, {})
    return lambda engine: _started(engine, archive, images, real=True)

"""The engine's fixtures, for tests that stage a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.conftest import instance
from tests.engine.instance import Instance, docker

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["installed", "instance", "prepared", "shared"]


@pytest.fixture
def installed(instance: Instance) -> Instance:
    """A stack whose files are there, to be spoilt."""
    instance.run("install", "--no-build")
    return instance


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """One stack for a module, for :func:`prepared`."""
    stack = Instance(tmp_path_factory.mktemp("user"))
    stack.run("install", "--no-build")
    yield stack
    stack.remove()
    assert not stack.left_over()


@pytest.fixture
def prepared(shared: Instance) -> Iterator[Instance]:
    """A stack whose files are there, shared by the module: its files and settings are put back after each test."""
    usual = dict(shared.extra)
    files = {path: path.read_bytes() for path in shared.services.rglob("*") if path.is_file()}
    yield shared
    shared.extra = usual
    for path, data in files.items():
        path.write_bytes(data)
    if shared.phase("litellm") != "absent":
        shared.run("proxy", "stop", "--all")
    docker("network", "rm", f"{shared.name}-network", check=False)  # a start that failed leaves it, as it was made

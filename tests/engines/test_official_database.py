"""The contract of the official TimescaleDB image, on the default engine: uid 70, busybox, a tuned server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import runs
from tests.engine.instance import Instance, docker

from .obligations import Obligations

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(600), pytest.mark.slow(40)]

_SETTING = "RUN_CLAUDE_TIMESCALEDB_IMAGE"


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The official image; where it cannot be had, the stand-in with the rest of its contract."""
    base = os.environ[_SETTING]
    if not base.startswith("run-claude-base/"):
        yield base
        return
    name = f"{runs.name('rct')}:official"
    docker("build", "--tag", name, "--build-arg", _SETTING, str(Path(__file__).parent / "official"))
    try:
        yield name
    finally:
        docker("image", "rm", "--force", name, check=False)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, stand_in_release: dict[str, str], image: str) -> Iterator[Instance]:
    """A healthy stack with that database."""
    stack = Instance(tmp_path_factory.mktemp("user"), release=stand_in_release, extra={_SETTING: image})
    try:
        stack.start()
        yield stack
    finally:
        stack.remove()


def test_the_server_is_uid_70_with_busybox_and_25_connections(stack: Instance) -> None:
    database = stack.container("timescaledb")
    assert stack.docker("exec", database, "id", "-u", "postgres") == "70"
    assert stack.docker("exec", database, "readlink", "-f", "/bin/sh").endswith("/busybox")
    assert stack.psql("postgres", "SHOW max_connections") == "25"


class TestTheOfficialDatabase(Obligations):
    """All that is owed."""

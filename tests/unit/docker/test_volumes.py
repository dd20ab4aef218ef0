"""Volumes filled over the API, through a container that never runs and never stays."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from run_claude.docker.api import EngineApi
from run_claude.docker.volumes import archive_of, fill_volumes
from run_claude.domain.container_files import ContainerFile, ContainerFiles, carrier_name
from run_claude.errors import ConflictError, EngineError, StartError

if TYPE_CHECKING:
    from run_claude.docker.endpoint import Endpoint
    from tests.fake.engine import FakeEngine

pytestmark = pytest.mark.anyio

FILES = ContainerFiles(
    volume="test-litellm-files",
    group=10001,
    files=(
        ContainerFile(name="litellm.json", data=b"{}"),
        ContainerFile(name="a/b/run", data=b"#!/bin/sh\n", mode=0o555),
    ),
)


async def fill(endpoint: Endpoint, *volumes: ContainerFiles) -> None:
    async with EngineApi.connect(endpoint) as api:
        await fill_volumes(api, "image", "test", volumes or [FILES])


def test_the_archive_has_owner_group_and_mode_of_all() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive_of([FILES]))) as tar:
        found = {member.name: (member.uid, member.gid, oct(member.mode), member.isdir()) for member in tar}
        assert all(member.mtime > 1_700_000_000 for member in tar), "a reader sees by the time that one is new"
    assert found == {
        "test-litellm-files": (0, 10001, "0o750", True),
        "test-litellm-files/a": (0, 10001, "0o750", True),
        "test-litellm-files/a/b": (0, 10001, "0o750", True),
        "test-litellm-files/litellm.json": (0, 10001, "0o440", False),
        "test-litellm-files/a/b/run": (0, 10001, "0o555", False),
    }


async def test_a_volume_is_made_as_compose_makes_it_and_filled(engine: FakeEngine, endpoint: Endpoint) -> None:
    await fill(endpoint)
    assert engine.volumes == {"test-litellm-files": "test"}
    assert engine.files["test-litellm-files"] == {"litellm.json": b"{}", "a/b/run": b"#!/bin/sh\n"}


async def test_two_contents_may_be_of_one_volume_and_what_is_there_stays(
    engine: FakeEngine, endpoint: Endpoint
) -> None:
    more = ContainerFiles(volume=FILES.volume, files=(ContainerFile(name="more", data=b"1"),))
    await fill(endpoint, FILES, more)
    again = ContainerFiles(volume=FILES.volume, files=(ContainerFile(name="more", data=b"2"),))
    await fill(endpoint, again)
    assert engine.files[FILES.volume] == {"litellm.json": b"{}", "a/b/run": b"#!/bin/sh\n", "more": b"2"}


async def test_the_container_is_gone_afterwards_and_so_is_one_of_a_command_that_was_killed(
    engine: FakeEngine, endpoint: Endpoint
) -> None:
    engine.created[carrier_name("test")] = {"Labels": {"run-claude.carrier": "test"}}
    await fill(endpoint)
    assert not engine.created


async def test_a_container_of_that_name_that_is_anothers_stays(engine: FakeEngine, endpoint: Endpoint) -> None:
    engine.created[carrier_name("test")] = {"Labels": {"app": "mine"}}
    with pytest.raises(ConflictError) as caught:
        await fill(endpoint)
    assert caught.value.code == "name-taken"
    assert engine.created


async def test_a_removal_that_fails_afterwards_hides_no_other_error(engine: FakeEngine, endpoint: Endpoint) -> None:
    engine.failing[f"/containers/{carrier_name('test')}/archive"] = 1
    engine.failing_with = "write /files/x: no space left on device"
    with pytest.raises(StartError) as caught:
        await fill(endpoint)
    assert caught.value.code == "disk-full"
    assert not engine.created


@pytest.mark.parametrize("fails", ["/volumes/create", "/containers/create", f"/containers/{carrier_name('test')}"])
async def test_a_refusal_is_told_and_leaves_no_container(engine: FakeEngine, endpoint: Endpoint, fails: str) -> None:
    engine.failing[fails] = -1
    with pytest.raises(EngineError) as caught:
        await fill(endpoint)
    assert caught.value.code == "engine-refused"
    assert "the engine is in trouble" in caught.value.message
    engine.failing.clear()
    await fill(endpoint)
    assert not engine.created


async def test_a_full_disk_is_told_as_such(engine: FakeEngine, endpoint: Endpoint) -> None:
    engine.failing_with = "write /files/x: no space left on device"
    engine.failing["/containers/create"] = 1
    with pytest.raises(StartError) as caught:
        await fill(endpoint)
    assert caught.value.code == "disk-full"

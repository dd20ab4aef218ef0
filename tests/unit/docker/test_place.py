"""An engine elsewhere publishes ports elsewhere: which address, and which engine, is this machine's."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from run_claude.docker.api import EngineApi
from run_claude.docker.endpoint import Endpoint
from run_claude.docker.place import names_this_machine
from run_claude.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.anyio

ELSEWHERE = "192.0.2.1"  # for documentation: no machine has it


async def refused(host: str, port: int = 4444) -> EngineError:
    with pytest.raises(EngineError) as caught:
        async with EngineApi.connect(Endpoint(host), port=port):
            pass
    return caught.value


@pytest.mark.parametrize(
    ("host", "shown", "command"),
    [
        ("ssh://build1", "ssh://build1", "ssh -L 4444:127.0.0.1:4444 build1"),
        ("ssh://me@build1", "ssh://me@build1", "ssh -L 4444:127.0.0.1:4444 me@build1"),
        (
            "ssh://me@build1:2222/run/docker.sock",
            "ssh://me@build1:2222",
            "ssh -p 2222 -L 4444:127.0.0.1:4444 me@build1",
        ),
        ("ssh://me:word@build1", "ssh://me@build1", "ssh -L 4444:127.0.0.1:4444 me@build1"),
        ("ssh://127.0.0.1", "ssh://127.0.0.1", "ssh -L 4444:127.0.0.1:4444 127.0.0.1"),
    ],
)
async def test_ssh_is_refused_with_the_command_that_helps(host: str, shown: str, command: str) -> None:
    error = await refused(host)
    assert (error.code, error.exit_code) == ("engine-remote", 4)
    assert f"({shown})" in error.message
    assert f"`{command}`" in error.help
    assert "DOCKER_HOST" in error.help
    assert "word" not in f"{error.message} {error.help} {error.facts}"


@pytest.mark.parametrize("host", [f"tcp://{ELSEWHERE}:2376", f"tcp://{ELSEWHERE}", "tcp://[2001:db8::1]:2376"])
async def test_tcp_to_another_machine_is_refused(host: str) -> None:
    error = await refused(host, port=4500)
    assert error.code == "engine-remote"
    assert host in error.message
    assert "-L 4500:127.0.0.1:4500" in error.help


@pytest.mark.parametrize(
    "host", ["tcp://127.0.0.1:2375", "tcp://localhost:2375", "tcp://[::1]:2375", "tcp://0.0.0.0:1"]
)
async def test_tcp_to_this_machine_is_not_refused_by_its_address(host: str) -> None:
    async with EngineApi.connect(Endpoint(host)) as api:
        assert api.endpoint.host == host


async def test_a_name_that_nobody_knows_is_told_by_the_connection() -> None:
    async with EngineApi.connect(Endpoint("tcp://engine.invalid:2375")) as api:
        with pytest.raises(EngineError) as caught:
            await api.ping()
    assert caught.value.code == "engine-connection"


@pytest.mark.parametrize("host", ["npipe:////./pipe/docker_engine", "fd://", "http://127.0.0.1:2375", "nonsense"])
async def test_another_protocol_is_none_of_docker_s(host: str) -> None:
    assert (await refused(host)).code == "engine-endpoint"


@pytest.mark.parametrize(
    ("info", "ours"),
    [
        ({"Name": "here", "KernelVersion": "6.1"}, True),
        ({"Name": "there", "KernelVersion": "6.1"}, False),  # a container's engine, or a container's run-claude
        ({"Name": "here", "KernelVersion": "6.2"}, False),
        ({}, False),
        ({"Name": "docker-desktop", "KernelVersion": "6.2-linuxkit", "OperatingSystem": "Docker Desktop"}, True),
        ({"Name": "orbstack", "KernelVersion": "6.2-orbstack", "OperatingSystem": "OrbStack"}, True),
        ({"Name": "colima", "KernelVersion": "6.2", "OperatingSystem": "Ubuntu 24.04 LTS"}, True),
        ({"Name": "colima-work", "KernelVersion": "6.2", "OperatingSystem": "Ubuntu 24.04 LTS"}, True),
        ({"Name": "lima-rancher-desktop", "KernelVersion": "6.2", "OperatingSystem": "Alpine Linux"}, True),
        ({"Name": "pc", "KernelVersion": "6.2", "OperatingSystem": "Rancher Desktop WSL Distribution"}, True),
    ],
)
def test_an_engine_names_its_machine(info: Mapping[str, object], ours: bool) -> None:
    assert names_this_machine(info, "here", "6.1") is ours


def test_this_machine_names_itself() -> None:
    own = {"Name": platform.node(), "KernelVersion": platform.release()}
    assert names_this_machine(own, platform.node(), platform.release())

"""An engine elsewhere publishes ports elsewhere: which address, and which engine, is this machine's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from run_claude.docker.api import EngineApi
from run_claude.docker.endpoint import Endpoint
from run_claude.docker.place import names_a_local_machine, names_this_machine
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


@pytest.mark.parametrize(
    "host", ["tcp://[::1", "tcp://127.0.0.1:70000", "tcp://127.0.0.1:port", "tcp://a..b:2375", "ssh://build1:x"]
)
async def test_what_is_no_address_is_told_as_such(host: str) -> None:
    error = await refused(host)
    assert error.code == "engine-endpoint"
    assert f"{host} is no address" in error.message


@pytest.mark.parametrize("host", ["tcp://me:word@[::1", "ssh://me:word@build1:x"])
async def test_a_password_in_what_is_no_address_is_not_shown(host: str) -> None:
    assert "word" not in f"{(error := await refused(host)).message} {error.help} {error.facts}"


async def test_a_name_that_nobody_knows_is_told_by_the_connection() -> None:
    async with EngineApi.connect(Endpoint("tcp://engine.invalid:2375")) as api:
        with pytest.raises(EngineError) as caught:
            await api.ping()
    assert caught.value.code == "engine-connection"


@pytest.mark.parametrize("host", ["npipe:////./pipe/docker_engine", "fd://", "http://127.0.0.1:2375", "nonsense"])
async def test_another_protocol_is_none_of_docker_s(host: str) -> None:
    assert (await refused(host)).code == "engine-endpoint"


def machine(system: str = "Linux", name: str = "here", kernel: str = "6.1") -> os.uname_result:
    return os.uname_result((system, name, kernel, "#1", "x86_64"))


@pytest.mark.parametrize(
    ("info", "ours"),
    [
        ({"Name": "here", "KernelVersion": "6.1"}, True),
        ({"Name": "there", "KernelVersion": "6.1"}, False),  # a container's engine, or a container's run-claude
        ({"Name": "here", "KernelVersion": "6.2"}, False),
        ({}, False),
    ],
)
def test_an_engine_of_this_machine_has_its_name_and_kernel(info: Mapping[str, object], ours: bool) -> None:
    assert names_this_machine(info, machine()) is ours


def test_this_machine_names_itself() -> None:
    here = os.uname()
    assert names_this_machine({"Name": here.nodename, "KernelVersion": here.release}, here)


@pytest.mark.parametrize("system", ["Linux", "Darwin"])
@pytest.mark.parametrize(
    ("name", "product"),
    [
        ("docker-desktop", "Docker Desktop"),
        ("orbstack", "OrbStack"),
        ("pc", "Rancher Desktop WSL Distribution"),
    ],
)
def test_a_product_that_publishes_on_this_machine_names_itself(system: str, name: str, product: str) -> None:
    info = {"Name": name, "KernelVersion": "6.2-linuxkit", "OperatingSystem": product}
    assert names_a_local_machine(info, machine(system))


@pytest.mark.parametrize("name", ["colima", "colima-work", "lima-rancher-desktop", "lima", "orbstack"])
def test_a_virtual_machine_is_known_by_its_name_and_on_linux_has_to_prove_it(name: str) -> None:
    info = {"Name": name, "KernelVersion": "6.2", "OperatingSystem": "Ubuntu 24.04 LTS"}
    assert names_a_local_machine(info, machine("Darwin"))
    assert not names_a_local_machine(info, machine("Linux"))


@pytest.mark.parametrize("name", ["limassol", "colimator", "lima.example.org", "docker-desktops", "build1", ""])
def test_a_server_whose_name_begins_alike_is_none(name: str) -> None:
    assert not names_a_local_machine({"Name": name, "OperatingSystem": "Debian GNU/Linux 12"}, machine("Darwin"))

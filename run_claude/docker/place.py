"""Is the engine on this machine? One elsewhere would publish the proxy's port where nothing here can reach it.

The endpoint's address tells before anything is sent: ssh, or tcp to an address that is not this machine's. Then the
engine tells, by its host's name and kernel: an address of this machine may be a tunnel's, or a container's.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio

from run_claude.domain.causes import caused
from run_claude.domain.diagnosis import engine_elsewhere, engine_over_ssh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.docker.endpoint import Endpoint

__all__ = ["check_address", "names_this_machine"]

# Virtual machines that publish ports on this machine: by OperatingSystem, and by the beginning of Name.
_PRODUCTS = ("Docker Desktop", "OrbStack", "Rancher Desktop")
_MACHINES = ("colima", "lima", "orbstack", "docker-desktop")


async def check_address(endpoint: Endpoint, port: int) -> None:
    """Refuse an endpoint, other than a unix socket, whose address is not on this machine. Nothing is sent to it.

    :param port: the proxy's, for the help
    :raises EngineError: if it is elsewhere, or not ``tcp://``
    """
    parts = urlsplit(endpoint.host)
    match parts.scheme:
        case "ssh":
            raise engine_over_ssh(endpoint.host, port)
        case "tcp":
            if not await _is_own(parts.hostname or "localhost"):
                raise engine_elsewhere(endpoint.host, port)
        case _:
            raise caused(
                "engine-endpoint", f"The Docker endpoint {endpoint.host} cannot be used: only unix:// and tcp:// can."
            )


def names_this_machine(info: Mapping[str, object], name: str, kernel: str) -> bool:
    """Whether an engine's ``/info`` names this machine, or a virtual machine that publishes its ports on it.

    :param name: of this machine
    :param kernel: its release
    """
    if (info.get("Name"), info.get("KernelVersion")) == (name, kernel):
        return True
    system, host = str(info.get("OperatingSystem") or ""), str(info.get("Name") or "")
    return system.startswith(_PRODUCTS) or host.startswith(_MACHINES)


async def _is_own(host: str) -> bool:
    """Whether a host is this machine. One that cannot be resolved counts as such: the connection tells it better."""
    try:
        found = await anyio.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return True
    return any(_is_bindable(family, address) for family, *_, address in found)


def _is_bindable(family: int, address: tuple[str, int]) -> bool:
    """Whether an address is one of this machine's: a socket can be bound to no other."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((address[0], 0))
        return True
    return False

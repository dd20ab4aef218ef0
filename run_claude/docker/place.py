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
from run_claude.domain.diagnosis import engine_elsewhere, engine_over_ssh, quoted

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from run_claude.docker.endpoint import Endpoint

__all__ = ["check_address", "names_a_local_machine", "names_this_machine"]

# Virtual machines that publish ports on this machine: by OperatingSystem, and by Name (`colima`, `lima-default`).
_PRODUCTS = ("Docker Desktop", "OrbStack", "Rancher Desktop")
_MACHINES = ("colima", "lima", "orbstack", "docker-desktop")


async def check_address(endpoint: Endpoint, port: int) -> None:
    """Refuse an endpoint, other than a unix socket, whose address is not on this machine. Nothing is sent to it.

    :param port: the proxy's, for the help
    :raises EngineError: if it is elsewhere, is not ``tcp://``, or is no address
    """
    try:
        parts = urlsplit(endpoint.host)
        _ = parts.port, (parts.hostname or "").encode("idna")  # checked only when read
        own = parts.scheme != "tcp" or await _is_own(parts.hostname or "localhost")
    except ValueError as error:  # a bracket left open, a port out of range, a name that cannot be encoded
        shown = quoted(endpoint.host)  # without a password
        raise caused("engine-endpoint", f"The Docker endpoint {shown} is no address: {error}.") from error
    match parts.scheme:
        case "ssh":
            raise engine_over_ssh(endpoint.host, port)
        case "tcp":
            if not own:
                raise engine_elsewhere(endpoint.host, port)
        case _:
            raise caused(
                "engine-endpoint", f"The Docker endpoint {endpoint.host} cannot be used: only unix:// and tcp:// can."
            )


def names_this_machine(info: Mapping[str, object], here: os.uname_result) -> bool:
    """Whether an engine's ``/info`` has this machine's name and kernel."""
    return (info.get("Name"), info.get("KernelVersion")) == (here.nodename, here.release)


def names_a_local_machine(info: Mapping[str, object], here: os.uname_result) -> bool:
    """Whether an engine's ``/info`` names a virtual machine that publishes its ports on this machine.

    On Linux a name alone proves nothing: any server may have it, and Lima there shares the home folder, which tells.
    """
    system, name = str(info.get("OperatingSystem") or ""), str(info.get("Name") or "")
    if system.startswith(_PRODUCTS):
        return True
    return here.sysname != "Linux" and any(name == ours or name.startswith(f"{ours}-") for ours in _MACHINES)


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

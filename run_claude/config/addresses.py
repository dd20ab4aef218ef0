"""The addresses of this machine that the services listen on, and who may reach them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Service
from run_claude.domain.remembered import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.config.settings import Settings

__all__ = ["BINDS", "PORTS", "Address", "deployed_addresses", "exposed", "published"]

BINDS = {Service.LITELLM: "RUN_CLAUDE_BIND", Service.TIMESCALEDB: "RUN_CLAUDE_TIMESCALEDB_BIND"}

PORTS = {Service.LITELLM: VARIABLES["port"], Service.TIMESCALEDB: VARIABLES["database_port"]}
_SERVED = {
    Service.LITELLM: "whoever reaches this machine there can send it requests, and needs a key for answers",
    Service.TIMESCALEDB: "whoever reaches this machine there can try passwords",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens.

    :param setting: the variable that sets the port
    :param bind_setting: the variable that sets the address
    """

    bind: str
    port: int
    setting: str
    bind_setting: str = BINDS[Service.LITELLM]

    def __str__(self) -> str:
        return f"{f'[{self.bind}]' if ':' in self.bind else self.bind}:{self.port}"


def published(settings: Settings) -> dict[Service, Address]:
    """Return where the services listen; without the database, unless its port was asked for."""
    found = {Service.LITELLM: Address(settings.bind, settings.port, PORTS[Service.LITELLM])}
    if (port := settings.database_port) is not None:
        found[Service.TIMESCALEDB] = Address(
            settings.database_bind, port, PORTS[Service.TIMESCALEDB], BINDS[Service.TIMESCALEDB]
        )
    return found


def deployed_addresses(variables: Mapping[str, str]) -> dict[Service, Address]:
    """Return where the services listen that were started with these variables of the compose file.

    An older release had one setting for both.
    """
    ports = {service: int(port) for service, name in PORTS.items() if (port := variables.get(name))}
    usual = variables.get(BINDS[Service.LITELLM]) or "127.0.0.1"
    return {
        service: Address((variables.get(BINDS[service]) or usual).strip("[]"), port, PORTS[service], BINDS[service])
        for service, port in ports.items()
    }


def exposed(settings: Settings) -> list[str]:
    """Return, in words, what can be reached from other machines."""
    return [
        f"{service} listens on {address} ({BINDS[service]}): {_SERVED[service]}."
        for service, address in published(settings).items()
        if not ipaddress.ip_address(address.bind).is_loopback
    ]

"""What holds a TCP port or a container's name that a start needs, and which port is free."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.addresses import PORTS
from run_claude.domain.diagnosis import bind_unavailable, foreign_container, port_of, port_taken
from run_claude.domain.lifecycle import Service
from run_claude.errors import ConflictError, RunClaudeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from run_claude.config.addresses import Address
    from run_claude.config.settings import Settings
    from run_claude.docker.api import EngineApi

__all__ = ["check_ports", "has_address", "is_free", "is_taken", "name_holder", "next_free", "process_on"]

_LISTEN = "0A"
_NO_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # the latter: IPv6 is switched off


async def name_holder(error: RunClaudeError, api: EngineApi, settings: Settings) -> RunClaudeError:
    """Return the error of a failed `up` with what holds the port or the name that it needs."""
    if (port := port_of(error.detail)) is not None:
        service = Service.LITELLM if port == settings.port else Service.TIMESCALEDB
        bind = settings.bind if service is Service.LITELLM else settings.database_bind
        container = await api.publisher_of(port)
        holder = f"the container {container}" if container else process_on(port)
        free = next_free(bind, port)
        return port_taken(port, PORTS[service], holder=holder, free=free, detail=error.detail)
    if isinstance(error, ConflictError) and error.code == "name-taken":
        for service in Service:
            name = f"{settings.instance}-{service}"
            if name in error.message and (raw := await api.container_named(name)):
                return foreign_container(name, str(raw["Config"]["Image"]))
    return error


async def check_ports(api: EngineApi, instance: str, addresses: Iterable[Address]) -> None:
    """Refuse an address that this host does not have, and a port that something else than our containers listens on.

    Only what certainly fails: the engine is on this machine, and the port is in use. All else the engine says itself.

    :raises ConfigError: for the address
    :raises ConflictError: with the holder, and the next free port
    :raises EngineError: if the engine cannot be asked
    """
    if not api.endpoint.host.startswith("unix://"):
        return
    for address in addresses:
        bind, port = address.bind, address.port
        if not has_address(bind):
            raise bind_unavailable(bind, address.bind_setting)
        if not is_taken(bind, port):
            continue
        container = await api.publisher_of(port)
        if container not in {f"{instance}-{own}" for own in Service}:
            holder = f"the container {container}" if container else process_on(port)
            raise port_taken(port, address.setting, holder=holder, free=next_free(bind, port))


def is_free(bind: str, port: int) -> bool:
    """Whether a TCP port can be listened on now."""
    return _listening_error(bind, port) not in (errno.EADDRINUSE, errno.EACCES)


def has_address(bind: str) -> bool:
    """Whether this host has an address."""
    return _listening_error(bind, 0) not in _NO_ADDRESS


def _listening_error(bind: str, port: int) -> int | None:
    """Return the number of the error that listening on a TCP port gives; ``None`` if there is none."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As the engine's own listener: a port in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((bind, port))
    except OSError as error:
        return error.errno
    return None


def is_taken(bind: str, port: int) -> bool:
    """Whether something listens there: not whether we may listen ourselves, which the engine may where we may not."""
    return _listening_error(bind, port) == errno.EADDRINUSE


def next_free(bind: str, port: int, *, tries: int = 100) -> int | None:
    """Return the next port above this one that is free."""
    candidates = range(port + 1, min(port + 1 + tries, 65536))
    return next((candidate for candidate in candidates if is_free(bind, candidate)), None)


def process_on(port: int) -> str:
    """Return the process that listens on a TCP port as ``NAME (pid N)``; empty if it cannot be seen.

    Reads ``/proc``: other users' processes show only to root, and there is nothing to read on macOS.
    """
    inodes = _listening_inodes(port)
    if not inodes:
        return ""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and inodes & _sockets(entry):
            with suppress(OSError):  # ended meanwhile
                return f"{(entry / 'comm').read_text().strip()} (pid {entry.name})"
    return ""


def _sockets(process: Path) -> set[str]:
    """Return the inodes of a process's sockets; none if it has ended, or is another user's."""
    found: set[str] = set()
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(OSError):  # closed meanwhile: the others count
                target = str(link.readlink())
                if target.startswith("socket:["):
                    found.add(target[8:-1])
    return found


def _listening_inodes(port: int) -> set[str]:
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            if columns[3] == _LISTEN and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(columns[9])
    return inodes

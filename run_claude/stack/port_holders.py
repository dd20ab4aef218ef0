"""TCP ports of this machine: is one free, who has it, which is next."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

__all__ = ["is_free", "next_free", "process_on"]

_LISTEN = "0A"


def is_free(bind: str, port: int) -> bool:
    """Whether a TCP port can be listened on now."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the engine's own listener: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            return error.errno not in (errno.EADDRINUSE, errno.EACCES)
        return True


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
        if not entry.name.isdigit():
            continue
        try:
            for link in (entry / "fd").iterdir():
                target = str(link.readlink())
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    return f"{(entry / 'comm').read_text().strip()} (pid {entry.name})"
        except OSError:
            continue  # ended meanwhile, or another user's
    return ""


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

"""Patterns that several readers of messages share."""

from __future__ import annotations

__all__ = ["DISK", "DISK_IS_FULL", "SOCKET"]

DISK = r"(?:no space left on device|disk quota exceeded)"
# From the beginning of what is looked at. The kernel says the same of inotify's watches and of control groups.
DISK_IS_FULL = rf"(?!.*(?:inotify|/sys/fs/cgroup)).*{DISK}"

# An address as Go prints it before a port: `[::1]`, `127.0.0.1`, nothing, and, in texts of the engine, `::` as it is.
# Its groups are the address without brackets.
_ADDRESS = r"(?:\[([^\]\s]+)\]|([^\s:\[\]]*)|([0-9a-f]*:[0-9a-f:]*))"
# With its port, before what is said of it, or before the address in the container.
SOCKET = rf"{_ADDRESS}:(?P<port>\d+)(?=[\s/,]|:(?:\s|\[|\d+\.)|$)"

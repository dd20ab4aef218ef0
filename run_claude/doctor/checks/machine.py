"""Check the machine: CPUs, memory, disk, ports."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from run_claude.config.addresses import exposed, published
from run_claude.doctor.findings import Finding, Mark, failed, judge_machine
from run_claude.domain.diagnosis import bind_unavailable, port_taken
from run_claude.domain.lifecycle import Service
from run_claude.errors import RunClaudeError
from run_claude.stack import holders

if TYPE_CHECKING:
    from run_claude.doctor.context import Context

__all__ = ["machine", "ports"]


async def machine(context: Context) -> list[Finding]:
    """Check CPUs, memory and disk: the engine's if it answers, otherwise this machine's."""
    try:
        info = await context.info()
    except RunClaudeError:
        info = {}
    return judge_machine(
        cpus=int(info.get("NCPU") or os.cpu_count() or 1),
        memory=int(info.get("MemTotal") or _memory("MemTotal") or 0),
        available=_memory("MemAvailable"),
        disk_free=_free(str(info.get("DockerRootDir") or "/")),
    )


def _free(root: str) -> int:
    """Return the free bytes where the engine keeps its data; for an engine in a virtual machine, those of our disk."""
    return shutil.disk_usage(root if Path(root).is_dir() else "/").free


def _memory(name: str) -> int | None:
    """Return a line of /proc/meminfo in bytes; ``None`` if there is no such file."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


async def ports(context: Context) -> list[Finding]:
    """Check that each port is ours already, or free, and who can reach it."""
    settings = context.settings
    wanted = published(settings)
    if not context.database:
        wanted.pop(Service.TIMESCALEDB, None)
    found: list[Finding] = []
    free: list[str] = []
    for service, address in wanted.items():
        holder, port = "", address.port
        if context.endpoint.socket is not None and not holders.has_address(address.bind):
            found.append(failed("ports", bind_unavailable(address.bind, address.bind_setting)))
            continue
        if await context.reachable():
            container = await (await context.api()).publisher_of(port)
            if container == f"{settings.instance}-{service}":
                free.append(f"{port} is used by {service}")
                continue
            holder = f"the container {container}" if container else ""
        if holders.is_free(address.bind, port):
            free.append(f"{port} is free")
            continue
        holder = holder or await anyio.to_thread.run_sync(holders.process_on, port)
        taken = port_taken(port, address.setting, holder=holder, free=holders.next_free(address.bind, port))
        found.append(failed("ports", taken))
    if free:
        found.insert(0, Finding(check="ports", mark=Mark.OK, text=", ".join(free)))
    return [*found, *(Finding(check="ports", mark=Mark.NOTE, text=words) for words in exposed(settings))]

"""Below the stack: machine, engine, Compose, ports."""

from __future__ import annotations

import math
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from run_claude.docker.process import run
from run_claude.doctor.findings import Finding, Mark, failed, judge_compose, judge_engine, judge_machine
from run_claude.domain.diagnosis import compose_failure, port_taken
from run_claude.domain.lifecycle import Service
from run_claude.errors import EngineError, RunClaudeError
from run_claude.stack import holders as host_ports

if TYPE_CHECKING:
    from run_claude.doctor.context import Context

__all__ = ["compose", "context", "engine", "machine", "ports"]


async def machine(context: Context) -> list[Finding]:
    """CPUs, memory, disk: the engine's where it answers, else this machine's."""
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
    """Return what is free where the engine keeps its data, in bytes; one in a virtual machine has a disk of its own."""
    return shutil.disk_usage(root if Path(root).is_dir() else "/").free


def _memory(name: str) -> int | None:
    """Return a line of /proc/meminfo in bytes; ``None`` where there is no such file."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


async def engine(context: Context) -> list[Finding]:
    """Is there one, does it answer, is it new enough."""
    api, info = await context.api(), await context.info()
    version, milliseconds = (0, 0), math.inf
    for _ in range(3):  # the other checks run meanwhile: the best one is the engine's own
        begin = time.perf_counter()
        version = await api.version()
        milliseconds = min(milliseconds, (time.perf_counter() - begin) * 1000)
    details = f"{info.get('OperatingSystem') or 'unknown system'}, {info.get('Architecture') or 'unknown'}"
    name = f"Docker {info.get('ServerVersion') or 'unknown'}"
    return [judge_engine(name, version, milliseconds=milliseconds, details=details)]


async def context(context: Context) -> list[Finding]:
    """Which engine, and by whose word."""
    endpoint, environ = context.endpoint, context.settings.environ
    if environ.get("DOCKER_HOST"):
        why = "DOCKER_HOST"
        if environ.get("DOCKER_CONTEXT"):
            why += ", which wins over DOCKER_CONTEXT"
    else:
        why = f"context {endpoint.context}" if endpoint.context else "default context"
    return [Finding(check="context", mark=Mark.OK, text=f"{endpoint.host} ({why})", facts={"endpoint": endpoint.host})]


async def compose(context: Context) -> list[Finding]:
    """Is the docker command there, and its Compose plugin new enough."""
    try:
        done = await run(["docker", "compose", "version", "--short"], env=context.settings.environ)
    except FileNotFoundError:
        missing = EngineError(
            "There is no docker command.",
            help="Install Docker Engine 25 or newer with Compose v2 (`scripts/engine` does on Debian).",
            code="docker-cli-missing",
        )
        return [failed("compose", missing)]
    if done.returncode != 0:
        return [failed("compose", compose_failure("version", done.returncode, done.stderr))]
    return [judge_compose(done.stdout.strip())]


async def ports(context: Context) -> list[Finding]:
    """Each port: ours already, free, or somebody else's."""
    settings = context.settings
    wanted = [(Service.LITELLM, settings.port, "LITELLM_PORT")]
    if context.database:
        wanted.append((Service.TIMESCALEDB, settings.database_port, "RUN_CLAUDE_TIMESCALEDB_PORT"))
    found: list[Finding] = []
    free: list[str] = []
    for service, port, setting in wanted:
        holder = ""
        if await context.reachable():
            container = await (await context.api()).publisher_of(port)
            if container == f"{settings.instance}-{service}":
                free.append(f"{port} is {service}'s")
                continue
            holder = f"the container {container}" if container else ""
        if host_ports.is_free(settings.bind, port):
            free.append(f"{port} is free")
            continue
        holder = holder or await anyio.to_thread.run_sync(host_ports.process_on, port)
        taken = port_taken(port, setting, holder=holder, free=host_ports.next_free(settings.bind, port))
        found.append(failed("ports", taken))
    if free:
        found.insert(0, Finding(check="ports", mark=Mark.OK, text=", ".join(free)))
    return found

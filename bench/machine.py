"""The machine and the versions that were measured: numbers mean nothing without them."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import run_claude
from bench.docker import docker
from bench.processes import BenchError, execute
from bench.workspace import ROOT

if TYPE_CHECKING:
    from bench.workspace import Workspace

__all__ = ["describe_machine"]


async def describe_machine(workspace: Workspace) -> dict[str, str]:
    """Return the machine and the versions."""
    settings = workspace.settings(workspace.name("ours"))
    return {
        "run-claude": f"{run_claude.__version__} ({await _commit()})",
        "processor": f"{_cpu_model()}, {os.cpu_count()} logical",
        "memory": _memory(),
        "system": f"{_distribution()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "engine": await docker("version", "--format", "{{.Server.Version}}"),
        "client": await docker("version", "--format", "{{.Client.Version}}"),
        "compose": await docker("compose", "version", "--short"),
        "storage": await docker("info", "--format", "{{.Driver}}, cgroup v{{.CgroupVersion}}"),
        "python image": settings.python_image,
        "timescaledb image": settings.timescaledb_image,
        "litellm": _litellm_version(),
    }


async def _commit() -> str:
    try:
        head = (await execute("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")).stdout.strip()
        changed = (await execute("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")).stdout
    except BenchError:
        return "no repository"
    return f"{head}, with local changes" if changed else head


def _litellm_version() -> str:
    lines = (ROOT / "dep/requirements.txt").read_text().splitlines()
    return next((line.split()[0].partition("==")[2] for line in lines if line.startswith("litellm==")), "unknown")


def _cpu_model() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal"):
            return f"{int(line.split()[1]) / 1024**2:.1f} GiB"
    return "unknown"


def _distribution() -> str:
    for line in _lines("/etc/os-release"):
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return platform.platform()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []

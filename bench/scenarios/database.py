"""LiteLLM with its database, and without: a start from stopped, one on a new volume, and the whole stack at rest."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import anyio

from bench.docker import inspect, megabytes
from bench.processes import BenchError
from bench.runner import Recorder, Sample, interleave
from bench.stacks import Ours, measured_start

NAME = "database"
TITLE = "LiteLLM with its database"
BASELINE = "off"

USED = "used"
_SETTINGS = {BASELINE: "off", USED: "on"}
_CGROUPS = Path("/sys/fs/cgroup")


async def run(bench: Recorder) -> None:
    """Start both from each state, then let them rest side by side."""
    ways = {
        name: Ours(bench.workspace, f"database-{prisma}", {"RUN_CLAUDE_PRISMA": prisma})
        for name, prisma in _SETTINGS.items()
    }
    for name, prisma in _SETTINGS.items():
        bench.record(name, "image size", "MB", await megabytes(await bench.workspace.image(prisma)))
    try:
        fresh = {name: partial(_from_nothing, way) for name, way in ways.items()}
        await interleave(bench, fresh, rounds=bench.rounds(5, 1))
        stopped = {name: partial(_from_stopped, way) for name, way in ways.items()}
        await interleave(bench, stopped, rounds=bench.rounds(9, 1))
        async with anyio.create_task_group() as group:
            for way in ways.values():
                group.start_soon(way.start)
        await _rest(bench, ways, settle=bench.rounds(60, 1), seconds=bench.rounds(330, 2))
    finally:
        for way in ways.values():
            await way.remove()


async def _from_nothing(way: Ours) -> Sample:
    await way.remove()
    sample = await measured_start(way)
    await way.stop()
    return Sample({"new volume → healthy": sample.values["to healthy"]})


async def _from_stopped(way: Ours) -> Sample:
    sample = await measured_start(way)
    await way.stop()
    return Sample({"stopped → healthy": sample.values["to healthy"]}, sample.bars)


async def _rest(bench: Recorder, ways: dict[str, Ours], *, settle: float, seconds: float) -> None:
    """Measure both at once: what disturbs one disturbs the other. LiteLLM reads its database again every 300 s."""
    bench.note(f"At rest: over {seconds} s, both containers together; memory without the page cache.")
    bench.say("at rest")
    await anyio.sleep(settle)
    groups = {name: [await _Group.of(container) for container in way.containers] for name, way in ways.items()}
    before = {name: sum(group.processor_seconds() for group in found) for name, found in groups.items()}
    began = time.monotonic()
    await anyio.sleep(seconds)
    elapsed = time.monotonic() - began
    for name, found in groups.items():
        used = sum(group.processor_seconds() for group in found) - before[name]
        bench.record(name, "processor at rest", "%", used / elapsed * 100)
        bench.record(name, "memory at rest", "MB", sum(group.megabytes() for group in found))


class _Group:
    """A container's control group, of version 1 or 2."""

    def __init__(self, paths: dict[str, str]) -> None:
        self._paths = paths  # by controller; version 2 has one, without a name

    @classmethod
    async def of(cls, container: str) -> _Group:
        """Return the group of a running container.

        :raises BenchError: if it does not run on this machine
        """
        row = await inspect("container", container)
        file = anyio.Path(f"/proc/{row['State']['Pid'] if row else 0}/cgroup")
        try:
            rows = [line.split(":", 2)[1:] for line in (await file.read_text()).splitlines()]
        except OSError as error:
            raise BenchError(f"{container} does not run on this machine") from error
        return cls({name: path for names, path in rows for name in names.split(",")})

    def processor_seconds(self) -> float:
        """Return the processor time of all its processes."""
        if "cpuacct" in self._paths:
            return int(self._read("cpuacct", "cpuacct.usage")) / 1e9
        return int(dict(map(str.split, self._read("", "cpu.stat").splitlines()))["usage_usec"]) / 1e6

    def megabytes(self) -> float:
        """Return its memory, as `docker stats` counts it."""
        first = "memory" in self._paths
        controller, usage = ("memory", "memory.usage_in_bytes") if first else ("", "memory.current")
        stat = dict(map(str.split, self._read(controller, "memory.stat").splitlines()))
        cached = int(stat["total_inactive_file" if first else "inactive_file"])
        return (int(self._read(controller, usage)) - cached) / 1e6

    def _read(self, controller: str, file: str) -> str:
        return (_CGROUPS / controller / self._paths[controller].lstrip("/") / file).read_text()

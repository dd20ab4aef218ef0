"""The engine, through the docker client: facts about containers and images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.processes import BenchError, execute
from run_claude.domain.lifecycle import parse_time
from run_claude.domain.marks import unsealed

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Timeline", "docker", "inspect", "markers", "megabytes", "remove", "timeline"]


async def docker(*argv: str, limit: float = 600) -> str:
    """Run a docker command and return what it printed.

    :raises BenchError: if it fails
    """
    return (await execute("docker", *argv, limit=limit)).stdout.strip()


async def inspect(kind: str, name: str) -> dict[str, Any] | None:
    """Inspect a container, an image, …; return ``None`` if none has that name."""
    try:
        rows = json.loads(await docker(kind, "inspect", name))
    except BenchError:
        return None
    row: dict[str, Any] = rows[0]
    return row


async def megabytes(image: str) -> float:
    """Return an image's size."""
    row = await inspect("image", image)
    if row is None:
        raise BenchError(f"the image {image} does not exist")
    return float(row["Size"]) / 1e6


@dataclass(frozen=True, slots=True)
class Timeline:
    """When a container started and was first found healthy; seconds since the epoch, by the engine's clock."""

    started: float
    healthy: float | None


async def timeline(container: str) -> Timeline:
    """Return when a running container started and got healthy.

    :raises BenchError: if it does not run
    """
    row = await inspect("container", container)
    if row is None or not row["State"]["Running"]:
        raise BenchError(f"container {container} is not running")
    started = _seconds(row["State"]["StartedAt"])
    healthy = None
    for probe in (row["State"].get("Health") or {}).get("Log") or ():
        ended = _seconds(probe["End"])
        if probe["ExitCode"] == 0 and ended >= started:
            healthy = ended
            break
    return Timeline(started, healthy)


async def markers(container: str) -> dict[str, float]:
    """Return when our entrypoint printed that it had reached a step."""
    done = await execute("docker", "logs", "--timestamps", "--tail", "500", container)
    found = {}
    for line in (done.stdout + done.stderr).splitlines():
        stamp, _, text = line.partition(" ")
        if text.startswith("run-claude: "):
            found[unsealed(text).removeprefix("run-claude: ").strip()] = _seconds(stamp)
    return found


async def remove(kind: str, names: Iterable[str]) -> None:
    """Remove containers, volumes, networks or images; ignore those that do not exist."""
    options = {"container": ("--force", "--volumes"), "image": ("--force",)}.get(kind, ())
    for name in names:
        try:
            await docker(kind, "rm", *options, name)
        except BenchError as error:
            if "o such" not in str(error) and "not found" not in str(error):
                raise


def _seconds(stamp: str) -> float:
    return (parse_time(stamp) or 0) / 1e9

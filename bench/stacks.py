"""The ways to start LiteLLM beside a database, each as a contender that can be started, stopped and removed."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import anyio

from bench.docker import inspect, markers, remove, timeline
from bench.measure import Bar
from bench.probe import Answered, first_answer
from bench.processes import BenchError, Done, execute
from bench.runner import Sample
from bench.workspace import ROOT, free_port
from run_claude.deploy.container_files import container_files
from run_claude.deploy.prepare import prepare
from run_claude.docker.api import EngineApi
from run_claude.docker.endpoint import resolve_endpoint
from run_claude.docker.volumes import fill_volumes
from run_claude.domain.lifecycle import Service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from bench.workspace import Workspace

__all__ = [
    "ComposeUp",
    "Contender",
    "Floor",
    "Ours",
    "Polling",
    "measured_repeat",
    "measured_start",
    "our_compose",
    "seed_compose",
]


class Contender(Protocol):
    """A stack that is started and stopped by whole processes."""

    port: int

    @property
    def containers(self) -> tuple[str, ...]:
        """The containers' names, LiteLLM's last."""

    async def start(self) -> Done:
        """Start, and wait until it is healthy."""

    async def stop(self) -> None:
        """Stop; containers and data stay."""

    async def remove(self) -> None:
        """Remove containers, network and data."""


@dataclass(slots=True)
class _Pair:
    """What stacks of two containers have in common."""

    workspace: Workspace
    instance: str
    port: int
    database_port: int

    @property
    def containers(self) -> tuple[str, ...]:
        return f"{self.instance}-timescaledb", f"{self.instance}-litellm"

    async def remove(self) -> None:
        await remove("container", self.containers)
        await remove("network", [f"{self.instance}-network"])
        kinds = ("timescaledb-data", "timescaledb-files", "litellm-files", "litellm-logs")
        await remove("volume", [f"{self.instance}-{kind}" for kind in kinds])


class Ours(_Pair):
    """`run-claude proxy …`"""

    def __init__(self, workspace: Workspace, name: str = "ours", settings: Mapping[str, str] | None = None) -> None:
        super().__init__(workspace, workspace.name(name), free_port(), free_port())
        self._settings = settings or {}

    async def call(self, *arguments: str) -> Done:
        """Run a command of run-claude on this instance."""
        environment = {
            "RUN_CLAUDE_INSTANCE": self.instance,
            "LITELLM_PORT": str(self.port),
            **self._settings,
        }
        return await self.workspace.run_claude(*arguments, environment=environment)

    async def start(self) -> Done:
        return await self.call("proxy", "start", "--profile", "demo")

    async def stop(self) -> None:
        await self.call("proxy", "stop", "--with-db")

    async def leave(self) -> None:
        """Stop, for the next scenario to start it again: without its volume, a database takes 3 s of CPU to create."""
        with suppress(BenchError):  # what went wrong before is what the scenario tells
            await self.stop()


class ComposeUp(_Pair):
    """`docker compose up -d --wait` on a compose file."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        options: tuple[str, ...],
        environment: dict[str, str],
        ports: tuple[int, int],
        fill: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(workspace, workspace.name(name), *ports)
        self._options = options
        self._environment = environment
        self._fill = fill  # gives the containers their files, as run-claude does; not in what is measured

    async def call(self, *arguments: str) -> Done:
        """Run a command of Compose on this project."""
        return await execute("docker", "compose", *self._options, *arguments, env=self._environment)

    async def start(self) -> Done:
        await self._give_files()
        return await self.call("up", "--detach", "--wait")

    async def _give_files(self) -> None:
        if self._fill is not None:
            await self._fill()

    async def stop(self) -> None:
        await self.call("stop")


class Polling(ComposeUp):
    """`docker compose up -d`, then `docker inspect` every two seconds until LiteLLM is healthy."""

    INTERVAL = 2.0

    async def start(self) -> Done:
        await self._give_files()
        done = await self.call("up", "--detach")
        while True:
            row = await inspect("container", self.containers[-1])
            if row is not None and row["State"]["Health"]["Status"] == "healthy":
                return Done(done.began, time.time() - done.began, "", "")
            await anyio.sleep(self.INTERVAL)


def our_compose(workspace: Workspace, name: str, kind: type[ComposeUp] = ComposeUp) -> ComposeUp:
    """Return a contender that uses our compose file and the files that run-claude generates."""
    ports = free_port(), free_port()
    given = {"LITELLM_PORT": str(ports[0])}
    settings = workspace.settings(workspace.name(name), **given)
    planned = prepare(settings, profile="demo", database=True)
    services = settings.paths.services

    async def fill() -> None:
        content = container_files(settings.paths, planned.project.variables, tuple(Service))
        async with EngineApi.connect(resolve_endpoint(os.environ)) as api:
            await fill_volumes(api, planned.image, settings.instance, content)

    options = (
        *("--file", str(services / "docker-compose.yaml"), "--project-directory", str(services)),
        *("--project-name", settings.instance, "--env-file", str(settings.paths.compose_env_file)),
    )
    # Variables of the shell would override those of the file.
    nothing_else = dict.fromkeys(("RUN_CLAUDE_PYTHON_IMAGE", "RUN_CLAUDE_TIMESCALEDB_IMAGE", "RUN_CLAUDE_PRISMA"), "")
    return kind(workspace, name, options, nothing_else, ports, fill)


def seed_compose(workspace: Workspace, name: str, image: str) -> ComposeUp:
    """Return a contender that uses the seed's compose file and image, and our generated configuration."""
    settings = workspace.settings(workspace.name("ours"))
    ports = free_port(), free_port()
    config = _readable(settings.paths.litellm_config, workspace.folder / "seed.yaml")
    environment = {
        "INSTANCE": workspace.name(name),
        "LITELLM_IMAGE": image,
        "TIMESCALEDB_IMAGE": settings.timescaledb_image,
        "LITELLM_PORT": str(ports[0]),
        "TIMESCALEDB_PORT": str(ports[1]),
        "LITELLM_CONFIG": str(config),
        "LITELLM_MASTER_KEY": "sk-bench-0123456789abcdef0123456789abcdef",
        "POSTGRES_PASSWORD": "bench",
    }
    options = ("--file", str(ROOT / "bench/seed/docker-compose.yaml"), "--project-name", workspace.name(name))
    return ComposeUp(workspace, name, options, environment, ports)


@dataclass(slots=True)
class Floor:
    """A bare `docker run` of our image until its first 200. Nothing that starts LiteLLM can be faster."""

    workspace: Workspace
    image: str
    port: int
    config: Path
    secrets: Path
    user: tuple[int, int]

    @classmethod
    def like(cls, workspace: Workspace, image: str, instance: str, *, config: Path | None = None) -> Floor:
        """Return one that uses the files that run-claude generated for an instance."""
        settings = workspace.settings(instance)
        paths = settings.paths
        return cls(
            workspace,
            image,
            free_port(),
            config or paths.litellm_config,
            paths.litellm_secrets,
            (os.getuid(), os.getgid()),  # who has written these files
        )

    @property
    def containers(self) -> tuple[str, ...]:
        return (self.workspace.name("floor"),)

    async def start(self) -> Done:
        uid, gid = self.user
        return await execute(
            *("docker", "run", "--detach", "--name", self.containers[0], "--user", f"{uid}:{gid}"),
            *("--publish", f"127.0.0.1:{self.port}:4444", "--add-host", "host.docker.internal:host-gateway"),
            *("--volume", f"{self.config}:/app/config/litellm_config.yaml:ro"),
            *("--volume", f"{self.secrets}:/run/secrets/litellm.json:ro", self.image),
        )

    async def stop(self) -> None:
        await self.remove()

    async def remove(self) -> None:
        await remove("container", self.containers)


async def measured_start(contender: Contender) -> Sample:
    """Start a contender that is not running, and return how long it took, with its steps.

    :raises BenchError: if it does not start, or returns before it answers
    """
    first = Answered(0.0, 0.0)

    async def probe() -> None:
        nonlocal first
        first = await first_answer(contender.port)

    async with anyio.create_task_group() as group:
        group.start_soon(probe)
        done = await contender.start()
    answer, healthy = first.at, not isinstance(contender, Floor)
    if healthy and first.not_yet > done.ended:
        raise BenchError(
            f"{contender.containers[-1]} was called healthy {first.not_yet - done.ended:.2f} s before it answered"
        )
    ended = done.ended if healthy else answer
    bars = await _bars(contender, done.began, answer, ended)
    return Sample({"to healthy": ("s", ended - done.began), "to first answer": ("s", answer - done.began)}, bars)


async def measured_repeat(contender: Contender) -> Sample:
    """Start a contender that is already healthy, and return how long that took."""
    done = await contender.start()
    return Sample({"to healthy": ("s", done.seconds)})


async def _bars(contender: Contender, began: float, answer: float, ended: float) -> list[Bar]:
    litellm = contender.containers[-1]
    when = await timeline(litellm)
    reached = await markers(litellm)
    bars = [Bar("command", "until a container runs", began, when.started)]
    if len(contender.containers) > 1:
        database = await timeline(contender.containers[0])
        bars[0] = Bar("command", "until a container runs", began, min(when.started, database.started))
        bars.append(Bar("timescaledb", "starting", database.started, database.healthy or database.started))
    at = when.started
    if when.started <= (imported := reached.get("litellm imported", 0)) <= answer:
        bars.append(Bar("litellm", "import", at, imported))
        at = imported
    bars.append(Bar("litellm", "until it answers", at, answer))
    if when.healthy and when.healthy > answer:
        bars.append(Bar("litellm", "until seen healthy", answer, when.healthy))
    seen = max(bar.end for bar in bars)
    bars.append(Bar("command", "until it returns", seen, max(seen, ended)))
    return [Bar(bar.lane, bar.name, bar.begin - began, bar.end - began) for bar in bars]


def _readable(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    target.chmod(0o644)
    return target

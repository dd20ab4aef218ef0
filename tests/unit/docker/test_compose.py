"""What Compose is told: LiteLLM stops first, since it then writes its last rows; and what runs beside a service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from run_claude.docker import compose as module
from run_claude.docker.compose import DockerCompose
from run_claude.docker.endpoint import Endpoint
from run_claude.docker.process import Completed
from run_claude.domain.compose import Project
from run_claude.domain.lifecycle import Service

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio

DB, PROXY = Service.TIMESCALEDB, Service.LITELLM


class Docker:
    """Takes note of what a docker command is asked, and prints what it is told to."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.prints = ""

    async def run(self, argv: Sequence[str], **options: object) -> Completed:
        words = list(argv)
        self.asked.append(words[words.index("--env-file") + 2 :] if "--env-file" in words else words[1:])
        return Completed(tuple(argv), 0, self.prints, "")


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    docker = Docker()
    monkeypatch.setattr(module, "run", docker.run)
    return docker


@pytest.fixture
def compose(docker: Docker, tmp_path: Path) -> DockerCompose:
    project = Project((tmp_path / "compose.yaml",), {})
    return DockerCompose(Endpoint("unix:///x"), project, "test", tmp_path, tmp_path / "env", {})


@pytest.mark.parametrize("services", [(DB, PROXY), (PROXY, DB)])
async def test_the_proxy_stops_before_its_database(
    docker: Docker, compose: DockerCompose, services: tuple[Service, ...]
) -> None:
    await compose.stop(services)
    assert docker.asked == [["stop", "litellm"], ["stop", "timescaledb"]]


async def test_what_is_not_named_is_not_stopped(docker: Docker, compose: DockerCompose) -> None:
    await compose.stop([DB])
    assert docker.asked == [["stop", "timescaledb"]]


async def test_removing_everything_stops_in_the_same_order(docker: Docker, compose: DockerCompose) -> None:
    await compose.down()
    assert docker.asked == [["stop", "litellm"], ["stop", "timescaledb"], ["down"]]


async def test_a_database_that_is_removed_does_not_wait_for_its_clients(docker: Docker, compose: DockerCompose) -> None:
    await compose.remove([DB])
    assert docker.asked == [
        ["stop", "--signal", "SIGINT", "test-timescaledb"],
        ["rm", "--stop", "--force", "timescaledb"],
    ]


async def test_a_proxy_is_removed_as_it_stops(docker: Docker, compose: DockerCompose) -> None:
    await compose.remove([PROXY])
    assert docker.asked == [["rm", "--stop", "--force", "litellm"]]


@pytest.mark.parametrize(("hash", "current"), [("h1", True), ("h2", False)])
async def test_a_container_is_kept_whose_definition_has_not_changed(
    docker: Docker, compose: DockerCompose, hash: str, current: bool
) -> None:
    docker.prints = "timescaledb h1\n"
    assert await compose.is_current(DB, hash) is current


async def test_a_command_in_a_container_of_its_own_touches_nothing_that_runs_and_leaves_nothing(
    docker: Docker, compose: DockerCompose
) -> None:
    docker.prints = "one\ntwo\n"
    assert await compose.run(PROXY, ("python", "-m", "boot.upgrade")) == (0, ["one", "two"])
    (asked,) = docker.asked
    assert asked[asked.index("run") + 1 :] == [
        *("--rm", "--no-deps", "--no-TTY", "--quiet-pull", "--entrypoint", "python"),
        *("litellm", "-m", "boot.upgrade"),
    ]


async def test_containers_whose_network_was_removed_are_made_anew(
    docker: Docker, compose: DockerCompose, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(argv: Sequence[str], **options: object) -> Completed:
        await docker.run(argv, **options)
        gone = f"Error response from daemon: network {'0a' * 32} not found"
        return Completed(tuple(argv), 0, "", "") if "--force-recreate" in argv else Completed(tuple(argv), 1, "", gone)

    monkeypatch.setattr(module, "run", run)
    await compose.up([PROXY])
    up = ["up", "--detach", "--no-build", "--no-deps"]
    assert docker.asked == [[*up, "litellm"], [*up, "--force-recreate", "litellm"]]


@pytest.mark.parametrize(
    ("endpoint", "builder"),
    [
        (Endpoint("unix:///x"), "default"),
        (Endpoint("unix:///x", context="colima"), "default"),
        (Endpoint("tcp://x:2376", context="far", tls=Path("/certificates")), "far"),
    ],
)
def test_the_engines_own_builder_builds(tmp_path: Path, endpoint: Endpoint, builder: str) -> None:
    """Whatever is selected: another builder has no image of this engine, and the Dockerfile needs BuildKit."""
    others = {"BUILDX_BUILDER": "cloud", "DOCKER_BUILDKIT": "0", "DOCKER_CONFIG": "/config"}
    made = DockerCompose(endpoint, Project((), {}), "test", tmp_path, tmp_path / "env", others)
    environment = made.environment()
    assert (environment["BUILDX_BUILDER"], environment["DOCKER_BUILDKIT"]) == (builder, "1")
    assert environment["DOCKER_CONFIG"] == "/config"
    assert environment.get("DOCKER_CONTEXT", "default") == builder

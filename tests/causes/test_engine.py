"""Causes before any container runs: engine, docker command, Compose, image, port, name."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from run_claude.domain.lifecycle import Service
from tests import runs
from tests.fake.engine import FakeEngine
from tests.fake.podman import becomes_podman

from .expect import checked, fails
from .standins import docker_that_says, edit_compose

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.engine.instance import Instance

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]
cause = pytest.mark.cause

# --- no engine, or one that is not well ---------------------------------------------------------------------------


@cause("engine-not-running")
def test_a_machine_without_a_running_engine(instance: Instance) -> None:
    instance.extra["DOCKER_HOST"] = f"unix://{instance.folder}/none.sock"
    assert "none.sock" in fails(instance, "engine-not-running")["message"]


@cause("engine-not-installed")
def test_a_machine_without_docker(instance: Instance) -> None:
    instance.extra |= {"DOCKER_HOST": f"unix://{instance.folder}/none.sock", "PATH": "/nonexistent"}
    fails(instance, "engine-not-installed")


@cause("engine-permission")
def test_a_socket_of_other_users(instance: Instance) -> None:
    folder = runs.folder("rc")
    instance.extra["DOCKER_HOST"] = f"unix://{folder}/docker.sock"
    command = [sys.executable, "-m", "run_claude", "proxy", "status", "--json"]
    root = os.geteuid() == 0
    if root:  # root without its privilege over files is as everybody else
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", *command]

    async def ask() -> subprocess.CompletedProcess[bytes]:
        async with FakeEngine(folder / "docker.sock") as engine:
            engine.socket.chmod(0o600 if root else 0o000)
            if root:
                os.chown(engine.socket, 65534, 65534)
            return await anyio.run_process(command, env=instance.environment, check=False)

    try:
        done = asyncio.run(ask())
        assert done.returncode == 4, done.stderr
        checked(json.loads(done.stdout)["error"], "engine-permission")
    finally:
        shutil.rmtree(folder)


class OldEngine(FakeEngine):
    """Engine 24."""

    @property
    def api_version(self) -> str:
        return "1.43"


def in_trouble(engine: FakeEngine) -> None:
    engine.failing["/containers/json"] = -1


PODMAN = cause("engine-podman")


# A frozen engine is waited for: here for a second instead of ten.
IMPATIENT = """
from run_claude.domain import timeouts
timeouts.ENGINE_ANSWER = timeouts.ENGINE_LOOK = 1.0
from run_claude.__main__ import main
main()
"""


def talks_nonsense(engine: FakeEngine) -> None:
    engine.container(Service.LITELLM, project="test").odd = {"Status": "levitating"}


@pytest.mark.parametrize(
    ("code", "kind", "trouble", "command"),
    [
        pytest.param("engine-too-old", OldEngine, None, "start", marks=cause("engine-too-old")),
        pytest.param("engine-podman", FakeEngine, partial(becomes_podman, version="5.8.6"), "status", marks=PODMAN),
        pytest.param("engine-refused", FakeEngine, in_trouble, "status", marks=cause("engine-refused")),
        pytest.param("engine-answer", FakeEngine, talks_nonsense, "status", marks=cause("engine-answer")),
        pytest.param("engine-frozen", FakeEngine, FakeEngine.freeze, "status", marks=cause("engine-frozen")),
    ],
)
def test_an_engine_that_is_not_well(
    instance: Instance,
    code: str,
    kind: type[FakeEngine],
    trouble: Callable[[FakeEngine], None] | None,
    command: str,
) -> None:
    instance.name = "test"
    folder = runs.folder("rc")
    instance.extra["DOCKER_HOST"] = f"unix://{folder}/docker.sock"

    async def ask() -> subprocess.CompletedProcess[bytes]:
        async with kind(folder / "docker.sock") as engine:
            if trouble:
                trouble(engine)
            arguments = [sys.executable, "-c", IMPATIENT, "proxy", command, "--json"]
            return await anyio.run_process(arguments, env=instance.environment, check=False)

    try:
        done = asyncio.run(ask())
        assert done.returncode == 4, done.stderr
        checked(json.loads(done.stdout)["error"], code)
    finally:
        shutil.rmtree(folder)


@cause("engine-connection")
def test_something_else_behind_the_endpoint(instance: Instance) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
        instance.extra["DOCKER_HOST"] = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        fails(instance, "engine-connection", "proxy", "status")
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("code", "variables"),
    [
        pytest.param("engine-endpoint", {"DOCKER_HOST": "npipe:////./pipe/docker"}, marks=cause("engine-endpoint")),
        pytest.param("engine-remote", {"DOCKER_HOST": "ssh://nobody@192.0.2.1"}, marks=cause("engine-remote")),
        pytest.param("engine-context", {"DOCKER_CONTEXT": "nowhere"}, marks=cause("engine-context")),
        pytest.param(
            "engine-tls",
            {"DOCKER_HOST": "tcp://127.0.0.1:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/nonexistent"},
            marks=cause("engine-tls"),
        ),
    ],
)
def test_an_endpoint_that_cannot_be_used(instance: Instance, code: str, variables: dict[str, str]) -> None:
    instance.extra |= variables
    fails(instance, code, "proxy", "status")


# --- docker command and Compose -----------------------------------------------------------------------------------


@cause("docker-cli-missing")
def test_an_engine_without_a_docker_command(installed: Instance) -> None:
    installed.extra["PATH"] = "/nonexistent"
    fails(installed, "docker-cli-missing")


@cause("docker-cli-podman")
def test_a_docker_command_that_is_podmans(installed: Instance) -> None:
    command = installed.folder / "bin" / "docker"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\necho podman version 4.3.1\n")
    command.chmod(0o755)
    installed.extra["PATH"] = f"{command.parent}:{os.environ['PATH']}"
    assert "Podman 4.3.1" in fails(installed, "docker-cli-podman")["message"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param("compose-missing", "docker: 'compose' is not a docker command.", marks=cause("compose-missing")),
        pytest.param(
            "image-missing",
            "Error response from daemon: No such image: run-claude-litellm:0123456789ab",
            marks=cause("image-missing"),
        ),
        pytest.param(
            "base-image-proxy",
            'Error response from daemon: Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp'
            " 192.0.2.9:3128: connect: connection refused",
            marks=cause("base-image-proxy"),
        ),
        pytest.param("compose-failed", "something nobody has seen before", marks=cause("compose-failed")),
    ],
)
def test_what_compose_says_is_told(installed: Instance, code: str, said: str) -> None:
    docker_that_says(installed, said, only=" up ")
    error = fails(installed, code)
    assert error["facts"]["command"] == "docker compose up"


@cause("compose-too-old")
def test_a_key_that_compose_does_not_know(installed: Instance) -> None:
    edit_compose(installed, lambda document: document["services"]["litellm"].update(start_sooner="1s"))
    assert "start_sooner" in fails(installed, "compose-too-old")["message"]


@cause("compose-file-invalid")
def test_a_compose_file_that_is_no_yaml(installed: Instance) -> None:
    path = installed.services / "docker-compose.yaml"
    path.write_text("services: [\n" + path.read_text())
    assert "line " in fails(installed, "compose-file-invalid")["message"]


# --- the image ----------------------------------------------------------------------------------------------------


@cause("build-failed")
def test_a_build_step_that_fails_is_named_with_its_last_lines(installed: Instance) -> None:
    image = installed.environment["RUN_CLAUDE_PYTHON_IMAGE"]
    dockerfile = installed.services / "litellm.Dockerfile"
    dockerfile.write_text(f"FROM {image}\nRUN echo telling words {installed.name} && exit 7\n")
    error = fails(installed, "build-failed", "proxy", "build")
    assert "exit 7" in error["message"]
    assert "telling words" in error["detail"]
    assert error["facts"]["log"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param(
            "npm-unreachable",
            "Prisma's engines cannot be fetched from npm's registry (ENOTFOUND)",
            marks=cause("npm-unreachable"),
        ),
        pytest.param(
            "npm-hash",
            "npm's registry served another file than the lock names (EINTEGRITY)",
            marks=cause("npm-hash"),
        ),
    ],
)
def test_a_build_without_npm_names_the_ways_on(installed: Instance, code: str, said: str) -> None:
    # What the step itself prints in these cases is tested with the image: tests/image/test_prisma_build.py.
    image = installed.environment["RUN_CLAUDE_PYTHON_IMAGE"]
    lines = f"run-claude: error: {said}\nrun-claude: help: use RUN_CLAUDE_PRISMA=native\n"
    (installed.services / "litellm/said").write_text(lines)
    dockerfile = installed.services / "litellm.Dockerfile"
    dockerfile.write_text(f"FROM {image}\nCOPY litellm/said /\nRUN cat /said >&2; exit 1 # {installed.name}\n")
    error = fails(installed, code, "proxy", "build")
    assert said in error["message"]
    assert error["help"] == "use RUN_CLAUDE_PRISMA=native"

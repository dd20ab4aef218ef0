"""An engine that cannot run the stack is refused before anything is written, built or started."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from run_claude.errors import EngineError
from run_claude.stack import Stack, fitness
from run_claude.stack.fitness import check_command, check_engine, refuse_unfit
from tests.fake.podman import VERSIONS, becomes_podman

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.fake.stage import Stage

pytestmark = pytest.mark.anyio

ACTIONS: dict[str, Callable[[Stack], Awaitable[object]]] = {
    "start": lambda stack: stack.up(profile="demo", database=False),
    "restart": lambda stack: stack.restart(),
    "build": lambda stack: stack.build(),
    "stop": lambda stack: stack.down(),
    "rotate": lambda stack: stack.rotate(master_key=True, database=False),
}


def tree(stage: Stage) -> dict[str, bytes]:
    root = stage.settings.paths.config.parent
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in root.rglob("*") if not path.is_socket()}


async def refused(stage: Stage, act: Callable[[Stack], Awaitable[object]]) -> EngineError:
    """Act on the stack as a user does, who finds nothing changed."""
    before, calls = tree(stage), len(stage.compose.calls)
    with pytest.raises(EngineError) as caught:
        await act(Stack(stage.session))
    assert tree(stage) == before
    assert len(stage.compose.calls) == calls
    return caught.value


# --- on another machine -----------------------------------------------------------------------------------------------


def elsewhere(stage: Stage, *, kernel: str = "5.15", sees_files: bool = False) -> None:
    stage.engine.host = {"Name": "build1", "KernelVersion": kernel}
    stage.engine.sees_files = sees_files


@pytest.mark.parametrize("action", ["start", "restart", "build"])
async def test_an_engine_behind_a_tunnel_is_refused(stage: Stage, action: str) -> None:
    elsewhere(stage)
    error = await refused(stage, ACTIONS[action])
    assert (error.code, error.facts["engine"]) == ("engine-remote", "build1")
    assert "on another machine, build1" in error.message
    assert f"`ssh -L {stage.settings.port}:127.0.0.1:{stage.settings.port} build1`" in error.help


async def test_from_inside_a_container_the_way_is_out(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitness, "_CONTAINER", str(tmp_path))
    elsewhere(stage, kernel=platform.release())
    error = await refused(stage, ACTIONS["start"])
    assert error.code == "engine-remote"
    assert error.help == "Run run-claude on build1, outside of the container."


async def test_a_virtual_machine_that_shares_the_users_folders_is_none_of_those(stage: Stage) -> None:
    elsewhere(stage, sees_files=True)
    await check_engine(stage.session)
    assert stage.engine.requests["/containers/create"] == 1


async def test_an_engine_of_this_machine_is_asked_once_and_makes_nothing(stage: Stage) -> None:
    await check_engine(stage.session)
    asked = dict(stage.engine.requests)
    await check_engine(stage.session)
    assert dict(stage.engine.requests) == asked
    assert set(asked) == {"/_ping", "/info"}


# --- Podman -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("version", VERSIONS)
async def test_podman_is_refused_at_its_first_answer(stage: Stage, version: str, action: str) -> None:
    becomes_podman(stage.engine, version)
    error = await refused(stage, ACTIONS[action])
    assert error.code == "engine-podman"
    assert error.message.startswith(f"Podman {version} answers at unix://")
    assert sum(stage.engine.requests.values()) == 1


async def test_podman_is_known_behind_a_proxy_that_drops_its_headers(stage: Stage) -> None:
    becomes_podman(stage.engine, "5.8.6", headers=False)
    error = await refused(stage, ACTIONS["start"])
    assert (error.code, error.facts["podman"]) == ("engine-podman", "5.8.6")


def docker_that_prints(folder: Path, text: str, *, name: str = "docker") -> dict[str, str]:
    command = folder / name
    command.write_text(f"#!/bin/sh\n[ \"$*\" = --version ] || exit 9\necho 'Emulate Docker CLI' >&2\necho '{text}'\n")
    command.chmod(0o755)
    return {"PATH": str(folder)}


async def test_a_docker_command_that_is_podmans_is_refused(tmp_path: Path) -> None:
    environ = docker_that_prints(tmp_path, "podman version 4.3.1")
    with pytest.raises(EngineError) as caught:
        await check_command(environ)
    assert caught.value.code == "docker-cli-podman"
    assert f"{tmp_path}/docker is Podman 4.3.1" in caught.value.message


async def test_a_script_of_the_users_that_is_docker_all_the_same_is_not(tmp_path: Path) -> None:
    await check_command(docker_that_prints(tmp_path, "Docker version 28.5.2, build 1"))


async def test_a_docker_command_of_docker_s_is_not_even_asked(tmp_path: Path) -> None:
    (tmp_path / "docker").write_bytes(b"\x7fELF")
    (tmp_path / "docker").chmod(0o755)
    await check_command({"PATH": str(tmp_path)})
    await check_command({"PATH": str(tmp_path / "none")})


# --- the watcher ------------------------------------------------------------------------------------------------------


async def test_a_watcher_refuses_what_will_never_do_and_waits_for_what_may_come_back(stage: Stage) -> None:
    stage.engine.failing["/"] = -1
    await refuse_unfit(stage.session)
    stage.engine.failing.clear()
    elsewhere(stage)
    with pytest.raises(EngineError) as caught:
        await refuse_unfit(stage.session)
    assert caught.value.code == "engine-remote"


# --- neither ----------------------------------------------------------------------------------------------------------


async def test_an_engine_is_this_machine_s_by_name_and_kernel(stage: Stage) -> None:
    assert stage.engine.host == {"Name": platform.node(), "KernelVersion": platform.release()}
    await check_engine(stage.session)
    assert stage.session.fit

"""An engine that cannot run the stack is refused before anything is written, built or started."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from run_claude.errors import ConfigError, EngineError
from run_claude.stack import Stack, fitness
from run_claude.stack.fitness import check_api, check_command, check_engine, refuse_unfit
from tests.fake.podman import VERSIONS, becomes_podman

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be in no container, also where the tests run in one."""
    monkeypatch.setattr(fitness, "_CONTAINER", str(tmp_path / "none"))


def elsewhere(
    stage: Stage, *, name: str = "build1", kernel: str = "5.15", system: str = "Debian", sees_files: bool = False
) -> None:
    stage.engine.host = {"Name": name, "KernelVersion": kernel, "OperatingSystem": system}
    stage.engine.sees_files = sees_files


@pytest.mark.parametrize("action", ["start", "restart", "build"])
async def test_an_engine_behind_a_tunnel_is_refused(stage: Stage, action: str) -> None:
    elsewhere(stage)
    error = await refused(stage, ACTIONS[action])
    assert (error.code, error.facts["engine"]) == ("engine-remote", "build1")
    assert "on another machine, build1" in error.message
    assert f"`ssh -L {stage.settings.port}:127.0.0.1:{stage.settings.port} build1`" in error.help


@pytest.mark.parametrize(
    ("name", "system"), [("build1", "Debian"), ("docker-desktop", "Docker Desktop"), ("orbstack", "OrbStack")]
)
@pytest.mark.parametrize("kernel", [platform.release(), "5.15"], ids=["the same kernel", "another"])
async def test_from_inside_a_container_the_way_is_out_whatever_the_engine_is(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, system: str, kernel: str
) -> None:
    monkeypatch.setattr(fitness, "_CONTAINER", str(tmp_path))
    elsewhere(stage, name=name, system=system, kernel=kernel, sees_files=True)
    error = await refused(stage, ACTIONS["start"])
    assert error.code == "engine-remote"
    assert "run-claude is in a container" in error.message
    assert f"on {name}" in error.message
    assert error.help == "Run run-claude outside of the container."


async def test_an_engine_in_the_same_container_is_not_outside(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitness, "_CONTAINER", str(tmp_path))
    await check_engine(stage.session)


async def test_a_distribution_of_wsl_shares_the_kernel_and_is_no_container(stage: Stage) -> None:
    elsewhere(stage, name="docker-desktop", system="Docker Desktop", kernel=platform.release())
    await check_engine(stage.session)
    assert "/containers/create" not in stage.engine.requests


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such a name is enough")
@pytest.mark.parametrize("sees", [True, False])
async def test_on_linux_a_virtual_machine_s_name_is_not_enough(stage: Stage, sees: bool) -> None:
    elsewhere(stage, name="lima-default", sees_files=sees)
    if sees:
        await check_engine(stage.session)
    else:
        assert (await refused(stage, ACTIONS["start"])).code == "engine-remote"


async def test_a_virtual_machine_that_shares_the_users_folders_is_none_of_those(stage: Stage) -> None:
    elsewhere(stage, sees_files=True)
    await check_engine(stage.session)
    assert stage.engine.requests["/containers/create"] == 1


async def test_nothing_is_left_in_the_users_folders_nor_what_a_killed_command_has_left(stage: Stage) -> None:
    elsewhere(stage, sees_files=True)
    folder = stage.settings.paths.state
    old, new, full = (folder / f"{fitness._PROBE}{name}" for name in ("old", "new", "full"))
    for path in (old, new, full / "x"):
        path.mkdir(parents=True)
    for path in (old, full):
        os.utime(path, (0, 0))
    before = tree(stage)
    await check_engine(stage.session)
    assert before.keys() - tree(stage).keys() == {str(old)}
    assert tree(stage).keys() <= before.keys()


@pytest.mark.parametrize("sees", [True, False])
async def test_where_one_folder_cannot_be_made_another_is_asked_for(stage: Stage, sees: bool) -> None:
    elsewhere(stage, sees_files=sees)
    paths = replace(stage.settings.paths, state=Path("/proc/run-claude"))
    stage.session.settings = replace(stage.settings, paths=paths)
    if sees:
        await check_api(stage.session)
    else:
        with pytest.raises(EngineError) as caught:
            await check_api(stage.session)
        assert caught.value.code == "engine-remote"
    assert stage.engine.requests["/containers/create"] == 1


async def test_where_no_folder_can_be_made_it_is_told_why_one_is_needed(stage: Stage) -> None:
    elsewhere(stage, sees_files=True)
    paths = replace(stage.settings.paths, state=Path("/proc/one"), config=Path("/proc/two"))
    stage.session.settings = replace(stage.settings, paths=paths)
    with pytest.raises(ConfigError) as caught:
        await check_api(stage.session)
    assert caught.value.code == "file-unwritable"
    assert "No folder can be made in /proc/one or /proc/two, to tell whether the engine at unix://" in str(caught.value)
    assert "/containers/create" not in stage.engine.requests


@pytest.mark.parametrize("status", [403, 500])
async def test_an_answer_that_proves_nothing_is_told(stage: Stage, status: int) -> None:
    elsewhere(stage, sees_files=True)
    stage.engine.failing["/containers/create"] = -1
    stage.engine.failing_status, stage.engine.failing_with = status, "denied by plugin"
    error = await refused(stage, ACTIONS["start"])
    assert error.code == "engine-refused"
    assert f"/containers/create: {status}" in error.message
    assert "denied by plugin" in error.message
    assert "socket proxy" in error.help


async def test_a_socket_proxy_before_an_engine_of_this_machine_is_not_asked(stage: Stage) -> None:
    stage.engine.failing["/containers/create"] = -1
    stage.engine.failing_status = 403
    await check_engine(stage.session)


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


async def test_a_docker_command_whose_interpreter_is_missing_is_none(tmp_path: Path) -> None:
    command = tmp_path / "docker"
    command.write_text(f"#!{tmp_path}/none\n")
    command.chmod(0o755)
    with pytest.raises(EngineError) as caught:
        await check_command({"PATH": str(tmp_path)})
    assert caught.value.code == "docker-cli-missing"
    assert f"{command} cannot be started: its interpreter is missing" in caught.value.message


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

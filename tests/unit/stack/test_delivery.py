"""Containers are given their files before they start, and are given them back when what replaced them fails."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from run_claude.config.settings import load_settings
from run_claude.deploy.routing import open_pages
from run_claude.domain.causes import caused
from run_claude.domain.container_files import carrier_name
from run_claude.domain.lifecycle import Phase, Service
from run_claude.errors import RunClaudeError
from run_claude.stack import Stack
from run_claude.stack.delivery import deliver_changes
from run_claude.state.deployed import deployed_database_password

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from run_claude.stack import Started
    from tests.fake.engine import Container
    from tests.fake.stage import Stage

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("packaged")]

DB, PROXY = Service.TIMESCALEDB, Service.LITELLM
PROXYS, DATABASES = "test-litellm-files", "test-timescaledb-files"


class Killed(BaseException):
    """The process has ended here."""


@asynccontextmanager
async def stack_of(stage: Stage, **environ: str) -> AsyncIterator[Stack]:
    settings = load_settings({**stage.settings.environ, **environ}, instance=stage.settings.instance)
    async with Stack.open(settings, reporter=stage.reporter, compose=stage.compose) as stack:
        yield stack


async def start(stage: Stage, environ: dict[str, str] | None = None, **said: Any) -> Started:
    async with stack_of(stage, **(environ or {})) as stack:
        return await stack.up(**{"database": False, **said})


def held(stage: Stage, name: str) -> str:
    return stage.engine.files[PROXYS][name].decode()


async def test_a_start_hands_each_service_its_files_before_compose_makes_it(stage: Stage) -> None:
    seen: list[set[str]] = []
    stage.compose.up_makes[PROXY] = lambda container: seen.append(set(stage.engine.files[PROXYS]))
    with pytest.raises(RunClaudeError):
        await start(stage, database=True, timeout=0.1)
    assert seen == [{"ca", "default", "litellm.json", "litellm_config.yaml", "profiles.json"}]
    assert stage.engine.files[DATABASES]["postgres_password"].decode() == deployed_database_password(
        stage.settings.paths
    )
    assert not stage.engine.created


async def test_the_database_alone_is_given_its_own(stage: Stage) -> None:
    await start(stage)
    assert DATABASES not in stage.engine.volumes


async def test_a_start_with_nothing_to_do_hands_nothing_over(stage: Stage) -> None:
    await start(stage)
    used = len(stage.engine.used)
    assert (await start(stage)).already
    assert len(stage.engine.used) == used


async def test_another_default_profile_reaches_the_proxy_that_runs(stage: Stage) -> None:
    stage.settings.paths.config.mkdir(parents=True, exist_ok=True)
    stage.settings.paths.profiles_file.write_text("profiles:\n  mine: {extends: demo}\n")
    await start(stage, profile="demo")
    ups = len(stage.compose.of("up"))
    assert (await start(stage, profile="mine")).already
    assert held(stage, "default") == "mine\n"
    assert len(stage.compose.of("up")) == ups


async def test_one_that_a_killed_command_has_written_and_not_handed_over_still_reaches_it(stage: Stage) -> None:
    await start(stage, profile="demo")
    open_pages(stage.settings)  # and the process ends here
    assert "pages" not in stage.engine.files[PROXYS]
    assert (await start(stage, profile="demo")).already
    assert held(stage, "pages") == stage.settings.paths.pages_file.read_text()


async def test_a_changed_profile_that_a_killed_start_has_written_still_reaches_it(stage: Stage) -> None:
    await start(stage, profile="demo")
    stage.settings.paths.profiles_file.write_text("profiles:\n  mine: {extends: demo}\n")
    stage.engine.failing["/volumes/create"] = 1
    with pytest.raises(RunClaudeError):
        await start(stage, profile="demo")
    assert '"mine"' not in held(stage, "profiles.json")
    await start(stage, profile="demo")
    assert '"mine"' in held(stage, "profiles.json")


async def test_what_ran_before_has_its_files_again_when_the_new_fails(stage: Stage) -> None:
    await start(stage)
    before = dict(stage.engine.files[PROXYS])

    def sick(container: Container) -> None:
        container.starts()
        if "gsk_planted" in held(stage, "litellm.json"):
            container.turns(Phase.UNHEALTHY)
        else:
            container.turns(Phase.HEALTHY)

    stage.compose.up_makes[PROXY] = sick
    with pytest.raises(RunClaudeError):
        await start(stage, {"GROQ_API_KEY": "gsk_planted0123456789"}, profile="groq")
    assert stage.container(PROXY).phase is Phase.HEALTHY
    assert stage.engine.files[PROXYS] == before


async def test_and_where_it_was_never_stopped_as_well(stage: Stage) -> None:
    await start(stage)
    before, id = dict(stage.engine.files[PROXYS]), stage.container(PROXY).id

    async def refuses(services: object) -> None:
        raise caused("compose-failed", "no")

    stage.compose.up = refuses  # type: ignore[method-assign]
    with pytest.raises(RunClaudeError):
        await start(stage, {"GROQ_API_KEY": "gsk_planted0123456789"}, profile="groq")
    assert stage.container(PROXY).id == id
    assert stage.engine.files[PROXYS] == before


async def test_a_new_password_is_handed_to_the_database_that_runs(stage: Stage) -> None:
    await start(stage, database=True)
    old = stage.engine.files[DATABASES]["postgres_password"]
    async with stack_of(stage) as stack:
        await stack.rotate(master_key=False, database=True)
    new = stage.engine.files[DATABASES]["postgres_password"]
    assert old != new == deployed_database_password(stage.settings.paths).encode()


async def test_the_volumes_go_with_the_containers_and_come_with_the_next_start(stage: Stage) -> None:
    await start(stage, database=True)
    assert {PROXYS, DATABASES} <= set(stage.engine.volumes)
    async with stack_of(stage) as stack:
        await stack.down(database=True)
        assert {PROXYS, DATABASES} <= set(stage.engine.volumes), "the engine may start the containers again"
        await stack.down(remove=True)
    assert not {PROXYS, DATABASES} & set(stage.engine.volumes)
    await start(stage, database=True)
    assert json.loads(held(stage, "litellm.json"))["LITELLM_MASTER_KEY"]


async def test_of_callbacks_only_those_in_use_stay(stage: Stage, tmp_path: Path) -> None:
    def volumes() -> list[str]:
        return [name for name in stage.engine.volumes if "-callbacks-" in name]

    own = tmp_path / "own"
    own.mkdir()
    environ = {"RUN_CLAUDE_CALLBACKS": str(own)}
    (own / "own.py").write_text("one = 1\n")
    await start(stage, environ)
    (one,) = volumes()
    (own / "own.py").write_text("two = 2\n")
    await start(stage, environ)
    (two,) = volumes()
    assert one != two
    assert stage.engine.files[two] == {"own.py": b"two = 2\n"}
    async with stack_of(stage) as stack:
        await stack.down(remove=True)
    assert volumes() == []


async def test_a_delivery_that_fails_is_made_good_by_the_next_start(stage: Stage) -> None:
    """As on a full disk: the engine has removed a file and not written it again."""
    await start(stage, profile="demo")
    whole = dict(stage.engine.files[PROXYS])

    async def refuses(services: object) -> None:
        stage.engine.files[PROXYS]["litellm.json"] = b""
        stage.engine.failing["/volumes/create"] = 1  # what is put back is refused as well
        raise caused("compose-failed", "no")

    up, stage.compose.up = stage.compose.up, refuses  # type: ignore[method-assign]
    with pytest.raises(RunClaudeError):
        await start(stage, {"GROQ_API_KEY": "gsk_planted0123456789"}, profile="groq")
    stage.compose.up = up  # type: ignore[method-assign]
    assert not (await start(stage, profile="demo")).already
    assert stage.engine.files[PROXYS] == whole


async def test_a_profile_whose_delivery_was_killed_is_no_longer_what_it_was(stage: Stage) -> None:
    stage.settings.paths.config.mkdir(parents=True, exist_ok=True)
    stage.settings.paths.profiles_file.write_text("profiles:\n  mine: {extends: demo}\n")
    await start(stage, profile="demo")
    stage.engine.failing[f"/containers/{carrier_name('test')}/archive"] = 1
    with pytest.raises(RunClaudeError):
        await start(stage, profile="mine")
    stage.engine.files[PROXYS]["default"] = b"mine\n"  # it was written, and the process ended then
    await start(stage, profile="demo")
    assert held(stage, "default") == "demo\n"


async def test_what_a_killed_command_has_left_keeps_no_volume(stage: Stage) -> None:
    await start(stage)
    stage.engine.created[carrier_name("test")] = {"Labels": {"run-claude.carrier": "test"}}
    async with stack_of(stage) as stack:
        await stack.down(remove=True)
    assert not stage.engine.created


async def test_a_rotation_goes_on_where_the_database_cannot_be_handed_its_password(stage: Stage) -> None:
    await start(stage, database=True)
    stage.engine.failing["/volumes/create"] = 1
    async with stack_of(stage) as stack:
        await stack.rotate(master_key=False, database=True)
    assert stage.container(PROXY).phase is Phase.HEALTHY
    assert (
        stage.engine.files[DATABASES]["postgres_password"] == deployed_database_password(stage.settings.paths).encode()
    )


async def test_a_volume_that_cannot_be_removed_is_named(stage: Stage) -> None:
    await start(stage)
    stage.engine.refused[PROXYS] = "volume is in use"
    async with stack_of(stage) as stack:
        await stack.down(remove=True)
    assert any(PROXYS in note and "volume is in use" in note for note in stage.reporter.notes)


async def test_without_a_start_there_is_nothing_to_hand_over(stage: Stage) -> None:
    async with stack_of(stage) as stack:
        await deliver_changes(stack.session)
    assert not stage.engine.used

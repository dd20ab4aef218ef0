"""`Stack.up`: one look, one reading of `.env`, the lock before anything is written, and the quick answer."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from run_claude.config import environment
from run_claude.config.files import read_text
from run_claude.config.settings import load_settings
from run_claude.deploy.routing import default_profile
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service
from run_claude.errors import RunClaudeError
from run_claude.stack import Stack, session
from run_claude.state import lock
from tests.fake.compose import gets_healthy
from tests.fake.stage import BOTH, PROXY_ONLY, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.fake.engine import Container

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("packaged")]


def tree(stage: Stage) -> dict[str, tuple[int, int, bytes]]:
    """Return inode, time and content of each file of the instance."""
    paths = stage.settings.paths
    files = [path for folder in (paths.config, paths.state) for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@asynccontextmanager
async def stack_of(stage: Stage, **environ: str) -> AsyncIterator[Stack]:
    """Yield another command's stack: its own settings and session, the same instance."""
    settings = load_settings({**stage.settings.environ, **environ}, instance=stage.settings.instance)
    async with Stack.open(settings, reporter=stage.reporter, compose=stage.compose) as stack:
        yield stack


async def start(stage: Stage, *, profile: str = "demo", **environ: str) -> bool:
    """Start as a command does, and return whether all was well already."""
    async with stack_of(stage, **environ) as stack:
        return (await stack.up(profile=profile, database=False)).already


# --- the first start --------------------------------------------------------------------------------------------------


async def test_a_first_start_makes_what_it_needs_and_says_so(stage: Stage) -> None:
    async with stack_of(stage) as stack:
        started = await stack.up(database=True)
    assert not started.already
    assert started.snapshot.healthy(BOTH)
    assert started.profile.name == "demo"
    assert any("Generated LITELLM_MASTER_KEY" in note for note in stage.reporter.notes)
    assert stage.history() == ["started"]


async def test_nothing_is_written_before_the_lock_is_held(stage: Stage) -> None:
    async with stage.session.writing("proxy stop"):
        before = tree(stage)
        with pytest.raises(RunClaudeError) as caught:
            await start(stage, RUN_CLAUDE_LOCK_TIMEOUT="0")
        assert tree(stage) == before
    assert caught.value.code == "busy"
    assert not stage.settings.paths.env_file.exists()


async def test_a_profile_that_does_not_exist_ends_before_the_engine_is_asked(stage: Stage) -> None:
    await start(stage)
    stage.engine.failing["/"] = -1
    with pytest.raises(RunClaudeError) as caught:
        await start(stage, profile="nope")
    assert caught.value.code == "unknown-profile"


# --- the quick answer -------------------------------------------------------------------------------------------------


async def test_what_is_healthy_and_up_to_date_costs_one_look_and_no_write(stage: Stage) -> None:
    await start(stage)
    before, looks, calls = tree(stage), stage.engine.looks, len(stage.compose.calls)
    assert await start(stage)
    assert tree(stage) == before
    assert stage.engine.looks == looks + 1
    assert len(stage.compose.calls) == calls


async def test_a_start_that_has_to_act_looks_once_before(stage: Stage) -> None:
    await start(stage)
    stage.container(Service.LITELLM).dies(1)
    looks = stage.engine.looks
    seen: list[int] = []

    def counts(container: Container) -> None:
        seen.append(stage.engine.looks)
        gets_healthy(container)

    stage.compose.up_makes[Service.LITELLM] = counts
    assert not await start(stage)
    assert seen == [looks + 1]


async def test_the_users_file_is_read_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await start(stage)
    read: Counter[Path] = Counter()
    original = read_text

    def counted(path: Path) -> str | None:
        read[path] += 1
        return original(path)

    monkeypatch.setattr(environment, "read_text", counted)
    assert await start(stage)
    stage.container(Service.LITELLM).dies(1)
    assert not await start(stage)
    assert read == {stage.settings.paths.env_file: 2}, "once for each of the two"


async def test_a_key_that_is_written_meanwhile_is_seen(stage: Stage) -> None:
    async with stack_of(stage) as stack:
        await stack.up(profile="demo", database=False)
        with stage.settings.paths.env_file.open("a") as file:
            file.write("GROQ_API_KEY=gsk_planted\n")
        assert not (await stack.up(profile="demo", database=False)).already
    assert "gsk_planted" in stage.settings.paths.litellm_secrets.read_text()


@pytest.mark.parametrize("changed", [{"GROQ_API_KEY": "gsk_planted"}, {"RUN_CLAUDE_LITELLM_MEMORY": "3g"}])
async def test_another_shell_with_other_keys_or_settings_starts_it_with_these(
    stage: Stage, changed: dict[str, str]
) -> None:
    await start(stage)
    assert not await start(stage, **changed)
    assert await start(stage, **changed)
    assert not await start(stage), "and the first one with its own"


async def test_a_start_and_status_agree_on_what_differs(stage: Stage) -> None:
    await start(stage)
    async with stack_of(stage) as stack:
        assert (await stack.status()).drift == ()
        stage.settings.paths.litellm_secrets.write_text("{}")
        assert (await stack.status()).drift == (f"{stage.settings.paths.litellm_secrets} was changed or removed",)
        assert not (await stack.up(profile="demo", database=False)).already
        assert (await stack.status()).drift == ()
        assert (await stack.up(profile="demo", database=False)).already


async def test_another_profile_is_remembered_without_a_restart(stage: Stage) -> None:
    await start(stage, GROQ_API_KEY="gsk_planted")
    calls = len(stage.compose.calls)
    assert await start(stage, profile="groq", GROQ_API_KEY="gsk_planted")
    intent = stage.session.intent()
    assert intent is not None
    assert intent.profile == "groq"
    assert len(stage.compose.calls) == calls


async def test_while_another_command_works_nothing_is_called_well(stage: Stage) -> None:
    await start(stage)
    async with stage.session.writing("proxy stop"):
        with pytest.raises(RunClaudeError) as caught:
            await start(stage, RUN_CLAUDE_LOCK_TIMEOUT="0")
    assert caught.value.code == "busy"


async def test_a_start_that_had_to_wait_looks_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await start(stage)
    container = stage.container(Service.LITELLM)
    container.dies(1)
    original = lock.lock

    @asynccontextmanager
    async def after_another_start(*arguments: object, **options: object) -> AsyncIterator[bool]:
        async with original(*arguments, **options):  # type: ignore[arg-type]
            container.starts()
            container.turns(Phase.HEALTHY)
            yield True

    monkeypatch.setattr(lock, "lock", after_another_start)
    calls = len(stage.compose.calls)
    assert await start(stage)
    assert len(stage.compose.calls) == calls


async def test_a_start_that_fails_is_not_up_to_date(stage: Stage) -> None:
    stage.compose.fails["up"] = caused("compose-failed", "it failed")
    with pytest.raises(RunClaudeError, match="it failed"):
        await start(stage)
    stage.compose.fails.clear()
    assert not await start(stage), "healthy as it is, it was never started to the end"


# --- what needs no configuration --------------------------------------------------------------------------------------


async def test_a_stop_needs_no_configuration_that_can_be_used(stage: Stage) -> None:
    await start(stage)
    stage.settings.paths.models_file.write_text("models: [")
    async with stack_of(stage) as stack:
        left = await stack.down()
    assert left.litellm.phase is Phase.EXITED
    intent = stage.session.intent()
    assert intent is not None
    assert (intent.wanted, intent.profile) == ("down", "demo")


async def test_a_stop_without_the_record_of_a_start_writes_what_it_needs(stage: Stage) -> None:
    await start(stage)
    os.unlink(stage.settings.paths.compose_env_file)  # noqa: PTH108 (quick)
    async with stack_of(stage) as stack:
        assert (await stack.down()).litellm.phase is Phase.EXITED
    assert stage.settings.paths.compose_env_file.exists()


async def test_a_full_disk_stops_no_stop(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await start(stage)

    def full(path: Path, intent: object) -> None:
        raise caused("file-unwritable", f"{path} cannot be written: no space left on device.")

    monkeypatch.setattr(session, "save_intent", full)
    async with stack_of(stage) as stack:
        assert (await stack.down()).litellm.phase is Phase.EXITED
    assert "The stop cannot be remembered" in stage.reporter.notes[-1]


async def test_a_stop_without_the_services_folder_brings_back_what_compose_needs(stage: Stage) -> None:
    await start(stage)
    shutil.rmtree(stage.settings.paths.services)
    async with stack_of(stage) as stack:
        assert (await stack.down()).litellm.phase is Phase.EXITED
    assert (stage.settings.paths.services / "docker-compose.yaml").is_file()


async def test_there_is_nothing_to_stop(stage: Stage) -> None:
    async with stack_of(stage) as stack:
        await stack.down()
    assert not stage.compose.calls
    assert not stage.settings.paths.intent_file.exists()


@pytest.mark.parametrize("remove", [False, True])
async def test_a_stop_of_the_database_alone_says_nothing_of_the_next_start(stage: Stage, *, remove: bool) -> None:
    stage.deployed(database=True)  # by `db start`: no proxy was ever started
    stage.has(Service.TIMESCALEDB)
    async with stack_of(stage) as stack:
        await stack.down(database=True, remove=remove)
        started = await stack.up()
    assert started.services == BOTH


async def test_a_restart_is_a_stop_and_a_start_with_what_was_wanted(stage: Stage) -> None:
    await start(stage)
    async with stack_of(stage) as stack:
        started = await stack.restart()
    assert [call[0] for call in stage.compose.calls] == ["build", "up", "stop", "up"]
    assert started.services == PROXY_ONLY


# --- requests that name no profile ------------------------------------------------------------------------------------


async def test_who_comes_to_a_running_stack_changes_nothing_for_requests_of_others(stage: Stage) -> None:
    await start(stage, GROQ_API_KEY="gsk_planted")
    async with stack_of(stage, GROQ_API_KEY="gsk_planted") as stack:
        assert (await stack.up(profile="groq", database=False, for_all=False)).already
    assert default_profile(stage.settings.paths) == "demo"


async def test_a_start_with_a_profile_makes_it_that_of_all_without_touching_a_container(stage: Stage) -> None:
    await start(stage, GROQ_API_KEY="gsk_planted")
    calls = len(stage.compose.calls)
    assert await start(stage, profile="groq", GROQ_API_KEY="gsk_planted")
    assert default_profile(stage.settings.paths) == "groq"
    assert len(stage.compose.calls) == calls


async def test_who_starts_the_stack_brings_the_profile_of_all(stage: Stage) -> None:
    async with stack_of(stage) as stack:
        assert not (await stack.up(profile="demo", database=False, for_all=False)).already
    assert default_profile(stage.settings.paths) == "demo"


async def test_a_changed_profile_reaches_the_proxy_and_no_container_is_made_anew(stage: Stage) -> None:
    await start(stage)
    before = stage.container(Service.LITELLM).id
    stage.settings.paths.profiles_file.write_text("profiles:\n  mine: {extends: demo, routes: {think: demo-haiku}}\n")
    async with stack_of(stage) as stack:
        await stack.up(profile="mine", database=False, for_all=False)
        assert (await stack.up(profile="mine", database=False, for_all=False)).already
    assert default_profile(stage.settings.paths) == "demo"
    assert '"think": "demo-haiku"' in stage.settings.paths.profiles_table.read_text()
    assert stage.container(Service.LITELLM).id == before

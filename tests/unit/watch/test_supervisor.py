"""The watcher's loop: looks, decides, acts, looks again; on a fake engine, with a fake Compose."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from run_claude.docker import observer as observer_module
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service
from run_claude.errors import BusyError
from run_claude.watch import supervisor
from run_claude.watch.supervisor import watching
from tests.fake.stage import LONG, Stage, TimeLimit
from tests.fake.watched import QUICK, can_start, cannot_start, wants, watched
from tests.marks import begun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


pytestmark = pytest.mark.anyio

DB, PROXY = Service.TIMESCALEDB, Service.LITELLM


# --- one watcher ------------------------------------------------------------------------------------------------------


@pytest.mark.cause("already-watched")
async def test_there_is_one_watcher_for_an_instance(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(stage.settings, instance="other", paths=replace(stage.settings.paths, instance="other"))
    monkeypatch.setattr(supervisor, "FREE_WITHIN", 0.001)
    async with watching(stage.settings), watching(other):
        with pytest.raises(BusyError, match=r"run-claude watch \(pid \d+\)") as caught:
            async with watching(stage.settings):
                pass
    assert caught.value.code == "already-watched"
    async with watching(stage.settings):
        pass


# --- what is healed ---------------------------------------------------------------------------------------------------


async def test_what_is_well_is_left_alone(stage: Stage) -> None:
    wants(stage)
    stage.has(PROXY)
    async with watched(stage) as watch:
        await watch.look()
    assert watch.heard.events == [("watching", {"timescaledb": "absent", "litellm": "healthy"})]
    assert not stage.compose.calls


async def test_what_dies_is_started(stage: Stage) -> None:
    wants(stage)
    container = stage.has(PROXY)
    async with watched(stage) as watch:
        container.dies(1)
        healed = await watch.heard.until("healed")
    assert stage.compose.of("up") == [("litellm",)]
    assert healed["service"] == "litellm"
    assert watch.heard.names() == ["watching", "action", "healed"]


async def test_both_that_are_down_are_started_at_once(stage: Stage) -> None:
    wants(stage, database=True)
    async with watched(stage) as watch:
        await watch.heard.until("healed")
    assert stage.compose.of("up") == [("timescaledb", "litellm")]


async def test_what_is_unhealthy_is_restarted(stage: Stage) -> None:
    wants(stage)
    stage.has(PROXY, Phase.UNHEALTHY)
    async with watched(stage) as watch:
        action = await watch.heard.until("action")
        await watch.heard.until("healed")
    assert action == {"action": "restart", "service": "litellm", "reason": "unhealthy", "attempt": 1, "of": 5}
    assert [call[0] for call in stage.compose.calls] == ["stop", "up"]


async def test_an_attempt_that_fails_is_followed_by_another(stage: Stage) -> None:
    wants(stage)
    stage.compose.up_makes[PROXY] = lambda container: container.becomes(Phase.EXITED, exit=1)
    async with watched(stage) as watch:
        failed = await watch.heard.until("failed")
        stage.compose.up_makes.clear()
        await watch.heard.until("healed")
    assert failed["service"] == "litellm"
    assert failed["code"] == "container-died"
    assert watch.memory.consecutive_failures >= 1


async def test_a_pause_that_is_worth_noting_is_reported_once(stage: Stage) -> None:
    wants(stage)
    stage.compose.up_makes[PROXY] = lambda container: container.becomes(Phase.EXITED, exit=1)
    async with watched(stage, replace(QUICK, backoff=100.0, backoff_max=100.0)) as watch:
        await watch.heard.until("waiting")
        await watch.look()
    assert watch.heard.names() == ["watching", "action", "failed", "waiting"]


async def test_an_action_that_never_ends_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    wants(stage)
    limit = TimeLimit(monkeypatch)
    monkeypatch.setattr(supervisor, "ACT_WITHIN", LONG)
    stage.compose.hangs.add("up")
    async with watched(stage) as watch:
        await watch.heard.until("action")
        limit.run_out()
        failed = await watch.heard.until("failed")
    assert failed["code"] == "engine-frozen"


# --- a container that Docker restarts again and again -----------------------------------------------------------------


def loops(stage: Stage, *log: str) -> None:
    container = stage.has(PROXY, Phase.RESTARTING)
    container.exit_code, container.restarts, container.log = 1, 3, begun(*log)


async def test_a_loop_is_looked_into_once_and_left_to_docker(stage: Stage) -> None:
    wants(stage)
    loops(stage, "a mystery")
    async with watched(stage) as watch:
        looping = await watch.heard.until("looping")
        await watch.look()
    assert looping["code"] == "container-looping"
    assert watch.heard.names() == ["watching", "action", "looping"]
    assert watch.memory.attempts == (), "Docker's restarts are none of the watcher's"


async def test_a_loop_that_cannot_end_is_stopped_and_blocks(stage: Stage) -> None:
    wants(stage)
    loops(stage, "yaml.scanner.ScannerError: no")
    async with watched(stage) as watch:
        blocked = await watch.heard.until("blocked")
        await watch.look()
    assert blocked["code"] == "litellm-config"
    assert stage.compose.of("stop") == [("litellm",)]
    assert stage.compose.of("up") == []


# --- what no attempt would change -------------------------------------------------------------------------------------


async def test_a_cause_that_no_restart_removes_blocks_until_a_file_changes(stage: Stage, ticking: None) -> None:
    wants(stage)
    cannot_start(stage)
    async with watched(stage) as watch:
        blocked = await watch.heard.until("blocked")
        await watch.look()
        assert len(stage.compose.of("up")) == 1
        can_start(stage)
        stage.settings.paths.litellm_config.write_text("mended: true")
        await watch.heard.until("healed")
        await watch.heard.until("unblocked")
    assert (blocked["service"], blocked["code"], blocked["message"]) == ("litellm", "litellm-config", "no such model")
    assert watch.heard.names().count("blocked") == 1
    assert watch.memory.block is None


async def test_a_port_that_is_freed_is_reason_enough(
    stage: Stage, ticking: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants(stage)
    free = False
    monkeypatch.setattr("run_claude.watch.fingerprint.is_free", lambda bind, port: free)
    monkeypatch.setattr("run_claude.stack.holders.process_on", lambda port: "")
    detail = f"listen tcp4 127.0.0.1:{stage.settings.port}: bind: address already in use"
    cannot_start(stage, caused("port-taken", "taken", detail=detail))
    async with watched(stage) as watch:
        await watch.heard.until("blocked")
        can_start(stage)
        free = True
        await watch.heard.until("healed")


async def test_the_next_watcher_knows_of_the_block_and_reports_it_once(stage: Stage, ticking: None) -> None:
    wants(stage)
    cannot_start(stage)
    async with watched(stage) as watch:
        await watch.heard.until("blocked")
    async with watched(stage) as watch:
        await watch.heard.until("blocked")
        await watch.look()
        await watch.look()
    assert watch.heard.names() == ["watching", "blocked"]
    assert len(stage.compose.of("up")) == 1


async def test_a_spent_budget_blocks(stage: Stage, ticking: None) -> None:
    wants(stage)
    stage.compose.up_makes[PROXY] = lambda container: container.becomes(Phase.EXITED, exit=1)
    async with watched(stage, replace(QUICK, consecutive_failures=2)) as watch:
        blocked = await watch.heard.until("blocked")
        await watch.look()
    assert blocked["code"] == "watch-gave-up"
    assert len(stage.compose.of("up")) == 2


# --- when the machine fails -------------------------------------------------------------------------------------------


async def test_an_engine_that_comes_back_is_given_time_to_settle(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_BACKOFF_FIRST", "_BACKOFF_REACHED", "_BACKOFF_MAX"):
        monkeypatch.setattr(observer_module, name, 0.001)
    wants(stage)
    async with watched(stage, replace(QUICK, settle=0.005)) as watch:
        await watch.heard.until("healed")
        stage.engine.failing["/containers"] = 1
        stage.engine.cut()
        await watch.heard.until("transition", 3)
        stage.container(PROXY).dies(1)
        await watch.heard.until("healed", 2)
    assert len(stage.compose.of("up")) == 2


async def test_an_engine_that_refuses_in_the_middle_is_reported_and_asked_again(stage: Stage) -> None:
    wants(stage)
    original = stage.session.writing
    calls = 0

    @asynccontextmanager
    async def refuses_once(purpose: str) -> AsyncIterator[bool]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise caused("engine-refused", "500")
        async with original(purpose) as waited:
            yield waited

    stage.session.writing = refuses_once  # type: ignore[method-assign]
    async with watched(stage) as watch:
        await watch.heard.until("failed")
        await watch.heard.until("healed")


async def test_a_memory_that_cannot_be_written_stops_nothing(stage: Stage) -> None:
    wants(stage)
    stage.settings.paths.watch_file.mkdir()
    async with watched(stage) as watch:
        failed = await watch.heard.until("failed")
        await watch.heard.until("healed")
    assert failed["code"] == "file-unreadable"


# --- a command that was killed half-way -------------------------------------------------------------------------------


async def test_what_a_killed_command_has_stopped_to_start_again_is_started(stage: Stage, ticking: None) -> None:
    wants(stage)
    stage.has(PROXY)
    async with watched(stage) as watch:
        async with stage.session.writing("proxy restart"):
            stage.session.begin("proxy restart", [PROXY])
            await stage.compose.stop([PROXY])
            await watch.heard.until("left-alone")  # as long as the command works, that is its own business
            assert "action" not in watch.heard.names()
        await watch.heard.until("healed")
    assert stage.container(PROXY).phase is Phase.HEALTHY
    assert stage.session.unfinished() is None


async def test_a_build_or_a_pull_is_not_within_the_limit_of_an_action(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "ACT_WITHIN", LONG)
    limit = TimeLimit(monkeypatch)
    wants(stage)
    stage.engine.images.clear()
    original = stage.compose.build

    async def takes_long(*arguments: Any, **options: Any) -> None:
        limit.run_out()  # whatever is limited now is over
        limit.begin_again()
        await original(*arguments, **options)

    monkeypatch.setattr(stage.compose, "build", takes_long)
    async with watched(stage) as watch:
        await watch.heard.until("healed")
    assert "failed" not in watch.heard.names()

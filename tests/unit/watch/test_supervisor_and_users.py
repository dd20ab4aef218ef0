"""The watcher beside those who use the stack: what they want now, other commands, other watchers."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from run_claude.docker import observer as observer_module
from run_claude.domain.lifecycle import Phase, Service
from run_claude.domain.supervision_memory import Memory
from run_claude.state.watch_memory import save_memory
from tests.fake.watched import QUICK, can_start, cannot_start, wants, watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fake.stage import Stage


pytestmark = pytest.mark.anyio

DB, PROXY = Service.TIMESCALEDB, Service.LITELLM


# --- what the user wants ----------------------------------------------------------------------------------------------


async def test_without_a_word_of_the_users_nothing_is_done(stage: Stage) -> None:
    async with watched(stage) as watch:
        await watch.look()
    assert watch.heard.names() == ["watching"]


async def test_what_the_user_wants_now_is_reported_and_done(stage: Stage) -> None:
    wants(stage, "down")
    async with watched(stage) as watch:
        await watch.look()
        assert not stage.compose.calls
        wants(stage, "up", at=2.0)
        await watch.look()
        assert await watch.heard.until("intent") == {"wanted": "up", "database": False}
        await watch.heard.until("healed")
        stage.settings.paths.intent_file.unlink()
        stage.container(PROXY).dies(1)
        await watch.look()
    assert len(stage.compose.of("up")) == 1, "what was wanted is forgotten with its file"


async def test_a_start_by_the_user_ends_a_block(stage: Stage, ticking: None) -> None:
    wants(stage)
    cannot_start(stage)
    async with watched(stage) as watch:
        await watch.heard.until("blocked")
        can_start(stage)
        wants(stage, at=2.0)
        await watch.heard.until("healed")


async def test_what_the_user_stops_stays_stopped(stage: Stage) -> None:
    wants(stage)
    stage.has(PROXY)
    async with watched(stage) as watch:
        await watch.look()
        await stage.compose.stop([PROXY])
        left = await watch.heard.until("left-alone")
        await watch.look()
    assert left == {"message": "litellm was stopped on purpose"}
    assert watch.heard.names() == ["watching", "left-alone"]
    assert not stage.compose.of("up")


async def test_a_service_that_the_user_has_stopped_is_not_started_with_the_other(stage: Stage) -> None:
    wants(stage, database=True)
    stage.has(DB)
    proxy = stage.has(PROXY)
    async with watched(stage) as watch:
        await watch.look()
        await stage.compose.stop([DB])
        await watch.heard.until("left-alone")
        proxy.dies(1)
        await watch.heard.until("healed")
    assert stage.compose.of("up") == [("litellm",)]


async def test_a_stop_that_a_busy_engine_tells_late_is_one(stage: Stage) -> None:
    wants(stage)
    proxy = stage.has(PROXY)
    async with watched(stage) as watch:
        await watch.look()
        proxy.says("kill", signal=15)
        proxy.dies(143)
        await watch.look()
        await watch.look()
        proxy.says("stop")
        await watch.heard.until("left-alone")
    assert not stage.compose.of("up")


async def test_who_may_have_been_stopped_is_not_started_with_the_other(stage: Stage) -> None:
    wants(stage, database=True)
    database, proxy = stage.has(DB), stage.has(PROXY)
    async with watched(stage) as watch:
        await watch.look()
        proxy.says("kill", signal=15)
        proxy.dies(143)
        await watch.look()
        database.dies(1)
        await watch.heard.until("healed")
        proxy.says("stop")
        await watch.heard.until("left-alone")
    assert stage.compose.of("up") == [("timescaledb",)]


async def test_a_signal_that_was_no_stop_is_healed_a_moment_later(stage: Stage) -> None:
    wants(stage)
    proxy = stage.has(PROXY)
    async with watched(stage, replace(QUICK, stopping=0.02)) as watch:
        await watch.look()
        proxy.says("kill", signal=15)
        proxy.dies(143)
        await watch.heard.until("healed")
    assert stage.compose.of("up") == [("litellm",)]


# --- other commands, other watchers -----------------------------------------------------------------------------------


async def test_while_another_command_works_it_waits_and_then_looks_again(stage: Stage) -> None:
    wants(stage)
    container = stage.has(PROXY)
    writing, has_acted = stage.session.writing, anyio.Event()

    @asynccontextmanager
    async def noted(purpose: str) -> AsyncIterator[bool]:
        async with writing(purpose) as waited:
            yield waited
        has_acted.set()

    async with watched(stage) as watch:
        async with writing("proxy start"):
            stage.session.writing = noted  # type: ignore[method-assign]
            container.dies(1)
            await watch.heard.until("transition")
            await watch.look()
            assert stage.reporter.steps[0].startswith("Waiting for run-claude proxy start")
            container.starts()
            container.turns(Phase.HEALTHY)
        await has_acted.wait()
    assert watch.heard.names() == ["watching"]
    assert not stage.compose.calls


async def test_a_command_that_works_for_too_long_is_reported_and_waited_for(stage: Stage) -> None:
    object.__setattr__(stage.settings, "lock_timeout", 0.0)
    wants(stage)
    async with stage.session.writing("proxy start"), watched(stage) as watch:
        failed = await watch.heard.until("failed")
    assert failed["code"] == "busy"
    assert "service" not in failed


async def test_a_stop_that_a_killed_watcher_has_made_is_not_the_users(stage: Stage) -> None:
    wants(stage)
    observer = await stage.session.observe()
    await observer.refresh()
    stage.has(PROXY)
    await stage.compose.stop([PROXY])
    now = time.time()
    acting = Memory(acting="restart litellm", last=now, attempts=(now,), consecutive_failures=1, intended=1.0)
    save_memory(stage.settings.paths.watch_file, acting)
    async with watched(stage) as watch:
        await watch.heard.until("healed")


async def test_a_stop_after_the_last_watcher_has_ended_well_is_the_users(stage: Stage) -> None:
    wants(stage)
    observer = await stage.session.observe()
    await observer.refresh()
    save_memory(stage.settings.paths.watch_file, Memory(last=time.time() - 60))
    stage.has(PROXY)
    await stage.compose.stop([PROXY])
    await observer.refresh()
    async with watched(stage) as watch:
        await watch.heard.until("left-alone")


async def test_transitions_that_come_too_fast_are_counted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    wants(stage, "down")
    monkeypatch.setattr(observer_module, "_BUFFERED", 1)
    both = [stage.has(service, Phase.STARTING) for service in (DB, PROXY)]
    async with watched(stage) as watch:
        for container in both:
            container.becomes(Phase.HEALTHY)
        await watch.look()
        assert await watch.heard.until("missed") == {"count": 1}

"""`proxy start --watch` follows the proxy's log, calmly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from run_claude.cli.context import App
from run_claude.cli.views import watch_live
from run_claude.domain.lifecycle import Service
from run_claude.stack import Stack
from tests.fake.stage import Stage, staged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(environ, monkeypatch) as stage:
        yield stage


async def test_a_log_that_ends_while_the_proxy_runs_on_is_no_busy_loop(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.deployed()
    stage.has(Service.LITELLM)
    monkeypatch.setattr(watch_live, "_PAUSE", 3600.0)
    app = App(environ=dict(stage.settings.environ))
    async with anyio.create_task_group() as group:
        group.start_soon(watch_live._logs, app, Stack(stage.session))
        with anyio.fail_after(10):
            while not stage.compose.of("logs"):  # noqa: ASYNC110 (a list)
                await anyio.sleep(0.01)
        for _ in range(20):
            await (await stage.session.observe()).refresh()
        assert len(stage.compose.of("logs")) == 1
        container = stage.container(Service.LITELLM)
        container.dies(1)
        group.cancel_scope.cancel()


async def test_after_a_restart_it_is_followed_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.deployed()
    container = stage.has(Service.LITELLM)
    ended = anyio.Event()
    original = stage.compose.logs

    async def until_it_dies(*arguments: object, **options: object) -> None:
        await original(*arguments, **options)  # type: ignore[arg-type]
        if len(stage.compose.of("logs")) == 1:
            container.dies(1)
            await (await stage.session.observe()).refresh()
            container.starts()
            container.becomes(container.phase.HEALTHY)
            container.says("health_status: healthy")
            return
        ended.set()
        await anyio.sleep_forever()

    monkeypatch.setattr(stage.compose, "logs", until_it_dies)
    monkeypatch.setattr(watch_live, "_PAUSE", 3600.0)
    async with anyio.create_task_group() as group:
        group.start_soon(watch_live._logs, App(environ=dict(stage.settings.environ)), Stack(stage.session))
        with anyio.fail_after(10):
            await ended.wait()
        group.cancel_scope.cancel()

"""With a broken file of the user's, what was deployed is what the commands work from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.cli.context import App
from run_claude.config.settings import load_settings
from run_claude.database import Database
from run_claude.domain.lifecycle import Phase, Service
from run_claude.errors import ConfigError
from run_claude.stack import Stack
from run_claude.state.deployed import deployed_secrets
from run_claude.watch.policy import policy_of
from tests.fake.stage import BOTH, Stage, staged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("packaged")]


@pytest.fixture
async def stage(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A stack that runs, on a port of its own; then two of the user's files are broken."""
    async with staged(environ, monkeypatch) as stage:
        settings = load_settings(stage.settings.environ, instance="test", port=4601)
        async with Stack.open(settings, reporter=stage.reporter, compose=stage.compose) as stack:
            await stack.up(profile="demo", database=True)
        stage.settings.paths.models_file.write_text("models: [")
        with stage.settings.paths.env_file.open("a") as file:
            file.write("this is no assignment\n")
        yield stage


def app(stage: Stage) -> App:
    return App(instance="test", environ=dict(stage.settings.environ))


async def test_status_says_in_one_line_what_is_broken(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    settings = app(stage).deployed_settings()
    assert capsys.readouterr().err.count("\n") == 1
    assert settings.port == 4601
    async with Stack.open(settings, reporter=stage.reporter, compose=stage.compose) as stack:
        status = await stack.status()
        assert stack.settings.port == 4601
    assert status.snapshot.healthy(BOTH)
    assert ".env" in status.broken
    assert "\n" not in status.broken


async def test_stop_restart_and_the_database_work(stage: Stage) -> None:
    settings = app(stage).deployed_settings()
    async with Stack.open(settings, reporter=stage.reporter, compose=stage.compose) as stack:
        assert (await stack.restart()).snapshot.healthy(BOTH)
        assert (await stack.down(database=True)).litellm.phase is Phase.EXITED
        await stack.restart()
    async with Database.open(settings, reporter=stage.reporter, compose=stage.compose) as database:
        assert (await database.stop()).phase is Phase.EXITED
        assert stage.container(Service.LITELLM).phase is Phase.HEALTHY
        assert "DATABASE_HOST" not in deployed_secrets(settings.paths)
        assert (await database.start()).phase is Phase.HEALTHY


async def test_the_watcher_has_its_defaults(stage: Stage) -> None:
    assert policy_of(app(stage).deployed_settings()).budget == 10


async def test_what_needs_the_file_says_so(stage: Stage) -> None:
    with pytest.raises(ConfigError):
        app(stage).settings()
    with pytest.raises(ConfigError):
        App(instance="other", environ=dict(stage.settings.environ)).deployed_settings()


async def test_an_instance_that_the_broken_file_may_name_is_not_guessed(stage: Stage) -> None:
    with stage.settings.paths.env_file.open("a") as file:
        file.write("RUN_CLAUDE_INSTANCE=work\n")
    with pytest.raises(ConfigError):
        App(environ=dict(stage.settings.environ)).deployed_settings()
    assert app(stage).deployed_settings().instance == "test"

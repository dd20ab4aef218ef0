"""Another image over a database that is in use: it migrates first, and where it cannot, what worked runs on."""

from __future__ import annotations

import pytest

from run_claude.config.settings import load_settings
from run_claude.domain.lifecycle import Phase, Service
from run_claude.errors import StartError, StartTimeout
from run_claude.stack import Stack
from run_claude.state.deployed import deployed_secrets, load_deployment
from tests.fake.stage import LONG, Stage, TimeLimit
from tests.marks import mark

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("packaged")]

PROXY = Service.LITELLM
IN_THE_WAY = "error: the migration 2026_x of LiteLLM's database failed: relation exists (42P07)"
NEWER = {"RUN_CLAUDE_PYTHON_IMAGE": "another-base"}  # another image, as another release makes it


async def start(
    stage: Stage, changed: dict[str, str] | None = None, *, database: bool = True, within: float = LONG
) -> None:
    settings = load_settings({**stage.settings.environ, **(changed or {})}, instance=stage.settings.instance)
    async with Stack.open(settings, reporter=stage.reporter, compose=stage.compose) as stack:
        await stack.up(profile="demo", database=database, timeout=within)


def said(stage: Stage) -> str:
    """Return what the new image's program says, with the key that it is given."""
    return mark(IN_THE_WAY, deployed_secrets(stage.settings.paths)["LITELLM_MASTER_KEY"])


async def test_it_migrates_while_the_image_before_still_serves(stage: Stage) -> None:
    await start(stage)
    await start(stage, NEWER)
    verbs = [call[0] for call in stage.compose.calls if call[0] in ("build", "feed", "run", "up")]
    assert verbs == ["build", "up", "build", "feed", "run", "up"], "its role is there, whatever release runs"
    assert stage.compose.of("run") == [("litellm", "python", "-m", "boot.upgrade")]


async def test_where_that_fails_nothing_is_stopped_and_the_cause_is_told(stage: Stage) -> None:
    await start(stage)
    before, calls = stage.container(PROXY), len(stage.compose.calls)
    stage.compose.ran = (2, ["migrating", said(stage)])
    with pytest.raises(StartError) as caught:
        await start(stage, NEWER)
    assert caught.value.code == "database-migration-failed"
    assert "migration 2026_x" in caught.value.message
    assert caught.value.message.endswith("Nothing was stopped: the image before runs on.")
    assert [call[0] for call in stage.compose.calls[calls:]] == ["build", "feed", "run"]
    assert (stage.container(PROXY).id, stage.container(PROXY).phase) == (before.id, Phase.HEALTHY)


async def test_one_that_takes_too_long_stops_nothing_either(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await start(stage)
    calls = len(stage.compose.calls)
    stage.compose.hangs = {"run"}
    TimeLimit(monkeypatch).run_out()
    with pytest.raises(StartTimeout) as caught:
        await start(stage, NEWER)
    assert caught.value.code == "database-migration-timeout"
    assert [call[0] for call in stage.compose.calls[calls:]] == ["build", "feed"]


async def test_what_runs_on_is_what_the_watcher_would_start(stage: Stage) -> None:
    await start(stage)
    before = load_deployment(stage.settings.paths)
    stage.compose.ran = (2, [said(stage)])
    with pytest.raises(StartError):
        await start(stage, NEWER)
    assert load_deployment(stage.settings.paths) == before
    stage.compose.ran = (0, [])
    await start(stage, NEWER)
    assert load_deployment(stage.settings.paths).image != before.image
    assert stage.container(PROXY).image == load_deployment(stage.settings.paths).image


@pytest.mark.parametrize("code", [1, 78, 125])
async def test_what_else_goes_wrong_is_for_the_start_to_tell(stage: Stage, code: int) -> None:
    """An older image has no such program."""
    await start(stage)
    stage.compose.ran = (code, ["No module named boot.upgrade"])
    await start(stage, NEWER)
    assert stage.compose.of("run")


@pytest.mark.parametrize("service", list(Service))
async def test_with_nothing_that_serves_it_is_part_of_the_start(stage: Stage, service: Service) -> None:
    await start(stage)
    stage.container(service).dies(1)
    await start(stage, NEWER)
    assert not stage.compose.of("run")


async def test_without_a_database_or_another_image_there_is_nothing_to_migrate(stage: Stage) -> None:
    await start(stage)
    await start(stage, {"LITELLM_PORT": "4999"})
    await start(stage, NEWER, database=False)
    assert not stage.compose.of("run")

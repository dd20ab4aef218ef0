"""A new instance beside another one of ours: it gets a free pair of ports, and keeps it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from run_claude.config.settings import load_settings
from run_claude.database import Database
from run_claude.domain.lifecycle import Service
from run_claude.errors import ConflictError
from run_claude.stack import Stack, holders
from run_claude.state.deployed import load_deployment
from tests.fake.compose import FakeCompose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fake.stage import Stage

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("packaged")]


@pytest.fixture(autouse=True)
def _only_what_the_test_says_is_taken(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    monkeypatch.setattr(holders, "is_free", lambda bind, port: port not in stage.taken)


@asynccontextmanager
async def stack(stage: Stage, name: str, **environ: str) -> AsyncIterator[Stack]:
    path = stage.settings.paths.env_file
    if not (path.exists() and "TIMESCALEDB_PORT" in path.read_text()):  # the database's port is asked for, for all
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write("RUN_CLAUDE_TIMESCALEDB_PORT=5433\n")
    settings = load_settings({**stage.settings.environ, **environ}, instance=name)
    compose = FakeCompose(stage.engine, name)
    async with Stack.open(settings, reporter=stage.reporter, compose=compose) as opened:
        yield opened


async def ports(stage: Stage, name: str, **environ: str) -> tuple[int, int]:
    """Start an instance and return the ports that Compose was given for it."""
    async with stack(stage, name, **environ) as opened:
        await opened.up(profile="demo", database=True)
        variables = load_deployment(opened.settings.paths).project.variables
    return int(variables["LITELLM_PORT"]), int(variables["RUN_CLAUDE_TIMESCALEDB_PORT"])


async def test_a_second_instance_gets_the_next_pair_and_says_so_once(stage: Stage) -> None:
    assert await ports(stage, "one") == (4444, 5433)
    assert await ports(stage, "two") == (4445, 5434)
    said = "Port 4445 and 5434 for two, from now on: 4444 is one's and 5433 is one's."
    assert stage.reporter.notes.count(said) == 1
    assert await ports(stage, "two") == (4445, 5434)
    assert stage.reporter.notes.count(said) == 1
    async with stack(stage, "two") as later:
        assert (await later.status()).url == "http://127.0.0.1:4445"
        assert (await later.status()).drift == ()


async def test_also_where_the_other_one_is_stopped(stage: Stage) -> None:
    await ports(stage, "one")
    async with stack(stage, "one") as first:
        await first.down(remove=True)
    assert await ports(stage, "two") == (4445, 5434)


async def test_also_where_the_other_one_is_another_users(stage: Stage) -> None:
    other = stage.engine.container(Service.LITELLM, project="theirs")
    other.published = "127.0.0.1:4444"
    assert await ports(stage, "two") == (4445, 5434)


async def test_a_pair_whose_half_is_taken_is_passed_over(stage: Stage) -> None:
    await ports(stage, "one")
    stage.taken.add(5434)
    assert await ports(stage, "two") == (4446, 5435)


async def test_a_port_of_the_file_that_all_share_is_no_wish_of_this_instance(stage: Stage) -> None:
    stage.settings.paths.config.mkdir(parents=True, exist_ok=True)
    stage.settings.paths.env_file.write_text("LITELLM_PORT=4600\n")
    assert await ports(stage, "one") == (4600, 5433)
    assert await ports(stage, "two") == (4601, 5434)
    assert await ports(stage, "two") == (4601, 5434)


async def test_a_port_that_was_asked_for_stays(stage: Stage) -> None:
    await ports(stage, "one")
    assert await ports(stage, "two", LITELLM_PORT="4700") == (4700, 5434)


async def test_what_is_none_of_ours_is_an_error_as_ever(stage: Stage) -> None:
    stage.taken.add(4444)
    with pytest.raises(ConflictError, match="4444"):
        await ports(stage, "two")


async def test_an_instance_that_was_started_before_keeps_its_ports(stage: Stage) -> None:
    assert await ports(stage, "two") == (4444, 5433)
    async with stack(stage, "two") as opened:
        await opened.down(remove=True)
    assert await ports(stage, "one") == (4445, 5434)
    assert await ports(stage, "two") == (4444, 5433)


async def test_a_stop_before_the_first_start_keeps_no_ports(stage: Stage) -> None:
    await ports(stage, "one")
    async with stack(stage, "two") as opened:
        await opened.down(remove=True)
    assert await ports(stage, "two") == (4445, 5434)


async def test_a_database_that_was_started_by_itself_keeps_its_port(stage: Stage) -> None:
    await ports(stage, "one")
    async with stack(stage, "two") as opened:
        database = Database.open(opened.settings, reporter=stage.reporter, compose=FakeCompose(stage.engine, "two"))
        async with database as alone:
            await alone.start()
    stage.taken.add(5434)  # by it
    assert await ports(stage, "two") == (4445, 5434)


async def test_status_shows_what_is_published_and_not_what_would_be(stage: Stage) -> None:
    await ports(stage, "one")
    async with stack(stage, "one", LITELLM_PORT="4800") as opened:
        status = await opened.status()
    assert status.url == "http://127.0.0.1:4444"
    assert status.drift == ("litellm is at 127.0.0.1:4444, and would be at port 4800",)

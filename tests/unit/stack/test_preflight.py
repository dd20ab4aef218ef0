"""What the volume holds is looked up before anything starts, and before anything is said about removing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.config.settings import load_settings
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service
from run_claude.errors import RunClaudeError
from run_claude.stack import Stack
from tests.unit.domain.test_volume import row

if TYPE_CHECKING:
    from tests.fake.engine import Container
    from tests.fake.stage import Stage

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("packaged")]

OFFICIAL, STAND_IN, ELSEWHERE = "timescale/timescaledb:2.23.1-pg17", "run-claude-base/timescaledb:pg17", "ts-ha-like"
VOLUME = "test-timescaledb-data"
LIB, SHARE = "/usr/local/lib/postgresql", "/usr/local/share/postgresql/extension"
DEBIAN = ("/usr/lib/postgresql/17/lib", "/usr/share/postgresql/17/extension")


@pytest.fixture
def stage_with_images(stage: Stage) -> Stage:
    """The official image, a stand-in of Debian's packages, and one with its data elsewhere."""
    engine = stage.engine
    for reference, data in ((OFFICIAL, ""), (STAND_IN, ""), (ELSEWHERE, "/home/postgres/pgdata/data")):
        engine.images.add(reference)
        engine.variables[reference] = ["PG_MAJOR=17", f"PGDATA={data or '/var/lib/postgresql/data'}"]
    community = {f"{SHARE}/timescaledb.control": b"default_version = '2.23.1'\n"}
    community |= {f"{LIB}/timescaledb-2.23.1.so": b"", f"{LIB}/timescaledb-tsl-2.23.1.so": b""}
    engine.files |= {OFFICIAL: community, ELSEWHERE: community}
    engine.files[STAND_IN] = {
        f"{DEBIAN[1]}/timescaledb.control": b"default_version = '2.19.3'\n",
        f"{DEBIAN[0]}/timescaledb-2.19.3.so": b"",
    }
    return stage


def holds(stage: Stage, **files: bytes) -> None:
    """Have a volume of the official image."""
    made = {"PG_VERSION": b"17\n", "base/1/3079": row("2.23.1"), "base/5/3079": row("2.23.1")}
    stage.engine.files[VOLUME] = made | {name.replace("__", "/"): data for name, data in files.items()}


async def start(stage: Stage, image: str) -> None:
    settings = load_settings(
        {**stage.settings.environ, "RUN_CLAUDE_TIMESCALEDB_IMAGE": image}, instance=stage.settings.instance
    )
    async with Stack.open(settings, reporter=stage.reporter, compose=stage.compose) as stack:
        await stack.up(profile="demo", database=True)


@pytest.mark.parametrize(
    ("image", "code", "words"),
    [
        pytest.param(
            ELSEWHERE,
            "database-image",
            "/home/postgres/pgdata/data",
            marks=pytest.mark.cause("database-image"),
        ),
        pytest.param(
            STAND_IN,
            "timescaledb-version",
            "PostgreSQL 17, with TimescaleDB 2.23.1",
            marks=pytest.mark.cause("timescaledb-version"),
        ),
    ],
)
async def test_a_running_database_is_not_given_up_for_an_image_that_cannot_read_it(
    stage_with_images: Stage, image: str, code: str, words: str
) -> None:
    stage = stage_with_images
    await start(stage, OFFICIAL)
    holds(stage)
    both, calls = [stage.container(service) for service in Service], len(stage.compose.calls)
    with pytest.raises(RunClaudeError) as caught:
        await start(stage, image)
    assert caught.value.code == code
    assert words in caught.value.message
    assert [stage.container(service) for service in Service] == both
    assert not {call[0] for call in stage.compose.calls[calls:]} & {"up", "stop", "remove"}
    await start(stage, OFFICIAL)


async def test_an_empty_volume_is_no_reason_to_start_beside_it(stage_with_images: Stage) -> None:
    with pytest.raises(RunClaudeError, match="holds no database") as caught:
        await start(stage_with_images, ELSEWHERE)
    assert caught.value.code == "database-image"
    assert not stage_with_images.engine.containers


async def test_the_edition_is_in_the_note_and_the_highest_catalog_counts(stage_with_images: Stage) -> None:
    stage = stage_with_images
    note = b"timescale\n1 5 16384\n"
    holds(stage, **{"run-claude.note": note, "base__1__3079": row("2.19.3"), "base__5__3079": row("2.19.3")})
    with pytest.raises(RunClaudeError, match=r"TimescaleDB 2.19.3, community edition"):
        await start(stage, STAND_IN)
    holds(stage, **{"run-claude.note": b"apache\n16384\n", "base__16384__3079": row("2.24.0")})
    with pytest.raises(RunClaudeError, match=r"TimescaleDB 2.24.0, Apache edition"):
        await start(stage, OFFICIAL)


def fails_to_initialize(container: Container) -> None:
    container.log = ["initdb: error: directory exists but is not empty"]
    container.starts()
    container.dies(1)


async def test_only_a_volume_that_was_seen_empty_may_be_removed(stage_with_images: Stage) -> None:
    stage = stage_with_images
    stage.compose.up_makes[Service.TIMESCALEDB] = fails_to_initialize
    with pytest.raises(RunClaudeError) as caught:
        await start(stage, OFFICIAL)
    assert caught.value.code == "database-init-failed"
    assert f"docker volume rm {VOLUME}" in caught.value.help
    holds(stage)
    with pytest.raises(RunClaudeError) as caught:
        await start(stage, OFFICIAL)
    assert caught.value.code == "database-init-failed"
    assert "Keep the volume" in caught.value.help
    assert "PostgreSQL 17" in caught.value.help
    assert stage.container(Service.TIMESCALEDB).phase is Phase.EXITED


async def test_what_the_last_start_made_is_not_looked_into_again(stage_with_images: Stage) -> None:
    stage = stage_with_images
    await start(stage, OFFICIAL)
    holds(stage)
    stage.engine.used.clear()
    stage.container(Service.LITELLM).dies(1)
    await start(stage, OFFICIAL)
    assert set(stage.engine.used) == {"test-files"}


async def test_a_tag_that_has_become_another_image_is_looked_into(stage_with_images: Stage) -> None:
    """As after `docker pull`: Compose would make the container of it, and the database be healthy and of no use."""
    stage = stage_with_images
    await start(stage, OFFICIAL)
    holds(stage, base__1__3079=row("2.23.1"), base__5__3079=row("2.23.1"))
    stage.container(Service.TIMESCALEDB).image_id = "sha256:1"
    stage.engine.image_ids[OFFICIAL] = "sha256:2"
    stage.engine.files[OFFICIAL] = {
        f"{SHARE}/timescaledb.control": b"default_version = '2.24.0'\n",
        f"{LIB}/timescaledb-2.24.0.so": b"",
        f"{LIB}/timescaledb-tsl-2.24.0.so": b"",
    }
    stage.container(Service.LITELLM).dies(1)
    with pytest.raises(RunClaudeError, match=r"TimescaleDB 2\.24\.0") as caught:
        await start(stage, OFFICIAL)
    assert caught.value.code == "timescaledb-version"
    assert stage.container(Service.TIMESCALEDB).phase is Phase.HEALTHY


async def test_an_installation_pulls_the_databases_image_and_can_do_without(stage: Stage) -> None:
    stage.engine.images.clear()
    async with Stack.open(stage.settings, reporter=stage.reporter, compose=stage.compose) as stack:
        image = await stack.build_if_missing()
        assert stage.compose.of("pull") == [("timescaledb",)]
        stage.engine.images = {image}
        stage.compose.fails["pull"] = caused("base-image-limit", "The base image x cannot be pulled: too many.")
        assert await stack.build_if_missing() == image
    assert len(stage.compose.of("pull")) == 2
    assert [note for note in stage.reporter.notes if "too many" in note]

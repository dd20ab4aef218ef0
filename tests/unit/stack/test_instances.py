"""The list of a user's stacks: from the state folder and the engine's labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot
from run_claude.stack.instances import InstanceStatus, instances_of, state_words
from run_claude.state.intent import Intent, save_intent

if TYPE_CHECKING:
    from tests.fake.engine import Container
    from tests.fake.stage import Stage

pytestmark = pytest.mark.anyio

DIRECTORY = "com.docker.compose.project.working_dir"


def has(stage: Stage, name: str, service: Service, phase: Phase = Phase.HEALTHY, *, home: str = "") -> Container:
    container = stage.engine.container(service, phase, project=name)
    container.labels[DIRECTORY] = home or str(stage.settings.paths.services)
    return container


def remembered(stage: Stage, name: str, *, port: int, wanted: str = "up") -> None:
    paths = replace(stage.settings.paths, instance=name)
    paths.instance_state.mkdir(parents=True)
    intent = Intent(wanted="up" if wanted == "up" else "down", database=True, profile="demo")
    save_intent(paths.intent_file, intent)
    paths.compose_env_file.write_text(f"LITELLM_PORT={port}\nRUN_CLAUDE_BIND=127.0.0.1\n")


async def listed(stage: Stage) -> list[InstanceStatus]:
    found, unknown = await instances_of(stage.settings.paths, stage.settings.environ)
    assert not unknown
    return found


async def test_each_with_its_address_state_profile_and_size(stage: Stage) -> None:
    remembered(stage, "one", port=4444)
    remembered(stage, "two", port=4445, wanted="down")
    has(stage, "one", Service.LITELLM).published = "127.0.0.1:4500"  # what runs counts, not what would be
    has(stage, "one", Service.TIMESCALEDB)
    stage.engine.volumes = {"one-timescaledb-data": "one", "one-litellm-logs": "one"}
    stage.engine.sizes["one-timescaledb-data"] = 64_000_000
    url = "http://127.0.0.1"
    assert await listed(stage) == [
        InstanceStatus(name="one", state="healthy", url=f"{url}:4500", profile="demo", bytes=64_000_000, watched=False),
        InstanceStatus(name="two", state="removed", url=f"{url}:4445", profile="demo", bytes=None, watched=False),
    ]


async def test_one_whose_state_is_lost_shows_by_its_labels_and_one_of_another_home_does_not(stage: Stage) -> None:
    has(stage, "lost", Service.LITELLM)
    has(stage, "theirs", Service.LITELLM, home="/home/other/.config/run-claude/services")
    assert [row.name for row in await listed(stage)] == ["lost"]


async def test_without_an_engine_what_is_remembered_is_listed(stage: Stage) -> None:
    remembered(stage, "one", port=4444)
    await stage.engine.stop()
    found, unknown = await instances_of(stage.settings.paths, stage.settings.environ)
    assert [(row.name, row.state) for row in found] == [("one", "unknown")]
    assert unknown


@pytest.mark.parametrize(
    ("litellm", "timescaledb", "wanted", "database", "words"),
    [
        (Phase.HEALTHY, Phase.HEALTHY, "up", True, "healthy"),
        (Phase.HEALTHY, Phase.ABSENT, "up", False, "healthy"),
        (Phase.HEALTHY, Phase.ABSENT, "up", True, "timescaledb absent, litellm healthy"),
        (Phase.EXITED, Phase.EXITED, "down", True, "stopped"),
        (Phase.EXITED, Phase.EXITED, "up", True, "exited"),
        (Phase.ABSENT, Phase.ABSENT, "down", True, "removed"),
        (Phase.ABSENT, Phase.ABSENT, "", True, "not started"),
    ],
)
def test_the_state_in_a_word_or_two(
    litellm: Phase, timescaledb: Phase, wanted: str, database: bool, words: str
) -> None:
    snapshot = Snapshot(litellm=ServiceState(phase=litellm), timescaledb=ServiceState(phase=timescaledb))
    assert state_words(snapshot, wanted=wanted, database=database) == words

"""Images of earlier starts: removed by a later start, and never one that anything may still want."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot
from run_claude.stack.old_images import record_and_clear_images
from run_claude.state.images import UsedImage, load_images, record_image

if TYPE_CHECKING:
    from tests.fake.stage import Stage

pytestmark = pytest.mark.anyio

A, B, C = "run-claude-litellm:aaa", "run-claude-litellm:bbb", "run-claude-litellm:ccc"


def on(image: str) -> Snapshot:
    return Snapshot(litellm=ServiceState(phase=Phase.HEALTHY, id="1", image=image))


async def ended(stage: Stage, before: str, now: str) -> None:
    """End a start that found one image and left another."""
    await record_and_clear_images(stage.session, on(before), on(now))


@pytest.fixture
def made(stage: Stage) -> Stage:
    """A stage whose instance has built A and B."""
    stage.engine.images |= {A, B}
    stage.engine.sizes[A] = 603_000_000
    for image in (A, B):
        record_image(stage.settings.paths.images_file, image, made=True)
    return stage


async def test_what_a_start_has_replaced_goes_with_the_next_start_and_says_what_is_freed(made: Stage) -> None:
    await ended(made, A, B)
    assert A in made.engine.images  # the older copy can be started again at once
    await ended(made, B, B)
    assert A not in made.engine.images
    assert made.reporter.notes == [f"Removed {A}, of earlier starts: 603 MB freed."]
    assert load_images(made.settings.paths.images_file) == (UsedImage(B, made=True),)


async def test_what_a_container_uses_stays_until_it_does_not(made: Stage) -> None:
    other = made.engine.container(Service.LITELLM, project="others")
    other.image = A
    await ended(made, B, B)
    assert A in made.engine.images
    other.goes()
    await ended(made, B, B)
    assert A not in made.engine.images


async def test_what_another_instance_was_started_with_stays_also_without_containers(made: Stage) -> None:
    paths = replace(made.settings.paths, instance="two")
    paths.instance_state.mkdir(parents=True)
    paths.compose_env_file.write_text(f"RUN_CLAUDE_LITELLM_IMAGE={A}\n")
    await ended(made, B, B)
    assert A in made.engine.images


async def test_what_was_used_and_not_made_here_stays(stage: Stage) -> None:
    stage.engine.images |= {A, B}
    await ended(stage, A, A)
    await ended(stage, A, B)
    await ended(stage, B, B)
    assert A in stage.engine.images
    assert stage.engine.requests["/images/json"] == 0  # nothing to look for


async def test_an_engine_that_refuses_fails_no_start(made: Stage) -> None:
    made.engine.failing["/images"] = -1
    await ended(made, B, B)
    assert A in made.engine.images
    assert made.reporter.notes == []


async def test_one_that_is_gone_already_is_forgotten(made: Stage) -> None:
    made.engine.images.discard(A)
    await ended(made, B, B)
    assert [image.reference for image in load_images(made.settings.paths.images_file)] == [B]
    assert made.reporter.notes == []


async def test_a_start_records_what_it_uses_and_what_it_has_made(stage: Stage) -> None:
    record_image(stage.settings.paths.images_file, C, made=True)
    record_image(stage.settings.paths.images_file, A)
    record_image(stage.settings.paths.images_file, C)
    assert load_images(stage.settings.paths.images_file) == (UsedImage(A, made=False), UsedImage(C, made=True))

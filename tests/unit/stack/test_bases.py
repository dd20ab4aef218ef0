"""Which image a base image's tag is, is taken note of, and told when it is another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.cli.views.history import _line
from run_claude.stack.bases import FromLines, moved_bases, record
from run_claude.stack.status import status_of
from run_claude.state import history
from run_claude.state.bases import Base, load_bases, record_base

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake.stage import Stage

pytestmark = pytest.mark.anyio

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def tagged(stage: Stage, digest: str) -> str:
    """Let the database's tag be the image of this digest, and return the tag."""
    reference = stage.settings.timescaledb_image
    stage.engine.images.add(reference)
    stage.engine.digests[reference] = {"RepoDigests": [f"other/image@{B}", f"timescale/timescaledb@{digest}"]}
    return reference


async def test_a_tag_that_is_the_same_image_is_worth_no_word(stage: Stage) -> None:
    reference = tagged(stage, A)
    for _ in range(2):
        await record(stage.session, reference)
    assert load_bases(stage.settings.paths.bases_file) == {reference: Base(A)}
    assert await moved_bases(stage.session) == ()
    assert stage.history() == []


async def test_one_that_becomes_another_is_told_before_and_after_it_is_used(stage: Stage) -> None:
    reference = tagged(stage, A)
    await record(stage.session, reference)
    tagged(stage, B)
    short = f"sha256:{'a' * 12} → sha256:{'b' * 12}"
    assert await moved_bases(stage.session) == (f"{reference} is another image now: {short}",)
    await record(stage.session, reference)
    assert stage.history() == ["base-image-changed"]
    [told] = (await status_of(stage.session)).bases
    assert told == f"{reference} has become another image at its last build or pull: {short}"
    await record(stage.session, reference)
    assert await moved_bases(stage.session) == (), "the next one finds what it knows"


async def test_a_build_says_which_image_it_was_made_from(stage: Stage) -> None:
    found = FromLines()
    for line in (
        f"#5 [uv 1/2] FROM docker.io/library/python:3.13-slim@{A}",
        f"#5 [uv 1/2] FROM registry.example:5000/my/python:3@{B}",
        f"#6 0.123 [uv 1/2] FROM docker.io/library/python:3.13-slim@{B}",
        f"#6 0.123 #5 [uv 1/2] FROM docker.io/library/python:3.13-slim@{B}",
    ):
        found(line)
    assert found.digests == {"python:3.13-slim": A, "registry.example:5000/my/python:3": B}
    await record(stage.session, "python:3.13-slim", found.digests["python:3.13-slim"])
    assert load_bases(stage.settings.paths.bases_file)["python:3.13-slim"].digest == A


async def test_what_is_nowhere_is_not_taken_note_of(stage: Stage) -> None:
    await record(stage.session, "absent:1")
    assert not stage.settings.paths.bases_file.exists()


def test_a_broken_file_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "bases.json"
    path.write_text("[" * 1000)
    assert load_bases(path) == {}
    assert record_base(path, "a:1", A) == Base(A)
    path.write_text('{"a:1": 7}')
    assert load_bases(path) == {}


async def test_the_history_tells_it_in_words(stage: Stage) -> None:
    facts = {"image": "a:1", "before": A, "digest": B}
    history.append(stage.settings.paths.history_file, "base-image-changed", facts)
    assert "a:1" in _line("base-image-changed", {"event": "base-image-changed", "at": 1.0, **facts})

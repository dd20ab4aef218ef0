"""Old images of ours go when a new one is built; whatever else is on the engine stays."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from run_claude.docker.compose import DockerCompose
from run_claude.docker.endpoint import resolve_endpoint
from run_claude.domain.compose import Project
from tests import runs

from .instance import docker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.anyio]


@pytest.fixture
def label() -> Iterator[str]:
    """A label of this test's, so that no image of the user's is taken for ours."""
    name = runs.name("rct")
    yield f"{name}=yes"
    if images := docker("image", "ls", "--quiet", "--filter", f"label={name}").split():
        docker("image", "rm", "--force", *images)


def build(folder: Path, label: str, *, old: bool) -> str:
    """Build an image of one file, made now or in 1970, and return its name."""
    name = f"rct-image:{runs.name('build')}"
    (folder / "file").write_text(name)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY file /\n")
    date = ["--build-arg", "SOURCE_DATE_EPOCH=86400"] if old else []
    docker("build", "--quiet", "--tag", name, "--label", label, *date, str(folder))
    return name


async def test_only_old_unused_images_of_ours_are_removed(label: str, tmp_path: Path) -> None:
    old, old_in_use, fresh = (build(tmp_path, label, old=old) for old in (True, True, False))
    somebody_elses = build(tmp_path, label.replace("=yes", "=no"), old=True)
    container = docker("create", old_in_use, "/file")
    try:
        project = Project((), {})
        endpoint = resolve_endpoint(os.environ)
        compose = DockerCompose(endpoint, project, "rct", tmp_path, tmp_path / "env", os.environ)
        await compose.prune_images(label)
    finally:
        docker("rm", container)
    left = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
    assert {name: name in left for name in (old, old_in_use, fresh, somebody_elses)} == {
        old: False,
        old_in_use: True,
        fresh: True,
        somebody_elses: True,
    }

"""An image built once for the session, and projects that end with their test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests import runs

from .project import REPOSITORY, Project, docker, services_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

RUNNING = pytest.mark.xdist_group("tests/image/running")

sys.path.insert(0, str(REPOSITORY))  # `callbacks` is a package of the container's


@pytest.fixture(scope="module")
def boot() -> Iterator[None]:
    """Make the container's own package importable."""
    sys.path.insert(0, str(REPOSITORY / "dep/litellm"))
    yield
    sys.path.remove(str(REPOSITORY / "dep/litellm"))


@pytest.fixture(scope="session")
def bases() -> Mapping[str, str]:
    """The two base images, as the compose file's variables."""
    names = ("RUN_CLAUDE_PYTHON_IMAGE", "RUN_CLAUDE_TIMESCALEDB_IMAGE")
    if all(os.environ.get(name) for name in names):
        return {name: os.environ[name] for name in names}
    printed = subprocess.run([REPOSITORY / "scripts/bases"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in printed.split())


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A services folder that tests only read."""
    return services_folder(tmp_path_factory.mktemp("image") / "services")


class Build(Protocol):
    def __call__(self, services: Path, *options: str, check: bool = True) -> tuple[str, str]: ...


@pytest.fixture(scope="session")
def build(bases: Mapping[str, str]) -> Iterator[Build]:
    """Build an image and return its name and the build's output; all are removed in the end."""
    images: list[str] = []

    def call(services: Path, *options: str, check: bool = True) -> tuple[str, str]:
        image = f"rcb-image:{runs.name('build')}"
        images.append(image)
        ca = os.environ.get("SSL_CERT_FILE", "/dev/null")
        output = docker(
            *("build", "--progress", "plain", "--tag", image, "--file", str(services / "litellm.Dockerfile")),
            *("--build-arg", f"RUN_CLAUDE_PYTHON_IMAGE={bases['RUN_CLAUDE_PYTHON_IMAGE']}"),
            *("--secret", f"id=ca,src={ca}", "--secret", "id=build,src=/dev/null", *options, str(services)),
            check=check,
        )
        return image, output

    yield call
    for image in images:
        docker("image", "rm", "--force", image, check=False)


@pytest.fixture(scope="session")
def image(build: Build, services: Path) -> str:
    """The image, without Prisma."""
    return build(services)[0]


@pytest.fixture(scope="session")
def database_image(build: Build, services: Path) -> str:
    """The image with LiteLLM's database client and the engines from npm."""
    return build(services, "--build-arg", "RUN_CLAUDE_PRISMA=on")[0]


class NewProject(Protocol):
    def __call__(self, **settings: Any) -> Project: ...


@pytest.fixture
def new_project(
    tmp_path: Path, services: Path, request: pytest.FixtureRequest, bases: Mapping[str, str]
) -> Iterator[NewProject]:
    """Make a project of the session's image, or of another one; nothing of it is left after the test."""
    projects: list[Project] = []

    def call(**settings: Any) -> Project:
        settings.setdefault("image", None)
        name = settings.pop("image") or request.getfixturevalue("image")
        defaults = {"folder": tmp_path / f"project{len(projects)}", "services": services, "bases": bases}
        projects.append(Project(image=name, **{**defaults, **settings}))
        return projects[-1]

    yield call
    for project in projects:
        project.remove()


@pytest.fixture(scope="package")
def running(
    tmp_path_factory: pytest.TempPathFactory, services: Path, image: str, bases: Mapping[str, str]
) -> Iterator[Project]:
    """A healthy stack of both services, shared by the modules of the group RUNNING: their tests only look.

    Each module says which profiles there are. So one start of LiteLLM (7 s of CPU) serves fifty tests.
    """
    folder = tmp_path_factory.mktemp("running")
    project = Project(folder=folder, services=services, image=image, bases=bases)
    try:
        project.up()
        project.wait_for(project.timescaledb)
        project.wait_for(project.litellm)
        for container in (project.timescaledb, project.litellm):
            # Getting healthy takes one probe. The engine keeps five, and soon the first is not among them any more.
            log = project.inspect(container)["State"]["Health"]["Log"]
            assert log[0]["ExitCode"] == 0, log
        yield project
    finally:
        project.remove()
        shutil.rmtree(folder, ignore_errors=True)

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.config.settings import Prisma
from run_claude.deploy.image import litellm_image
from run_claude.deploy.services import install_services

if TYPE_CHECKING:
    from run_claude.config.settings import Settings


@pytest.fixture(autouse=True)
def _installed(settings: Settings, packaged: dict[str, bytes]) -> None:
    install_services(settings.paths)


def test_the_same_inputs_give_the_same_name(settings: Settings) -> None:
    image = litellm_image(settings)
    assert image.startswith("run-claude-litellm:")
    (settings.paths.services / "callbacks/demo_provider.py").touch()
    assert litellm_image(settings) == image


@pytest.mark.parametrize(
    "name", ["litellm.Dockerfile", "requirements.txt", "litellm/entrypoint.py", "callbacks/demo_provider.py"]
)
def test_a_changed_build_input_gives_another_name(settings: Settings, name: str) -> None:
    image = litellm_image(settings)
    path = settings.paths.services / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert litellm_image(settings) != image


@pytest.mark.parametrize("name", ["callbacks/mine.py", "litellm/more/deep", ".dockerignore", "requirements-build.txt"])
def test_an_added_build_input_gives_another_name(settings: Settings, name: str) -> None:
    image = litellm_image(settings)
    path = settings.paths.services / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    assert litellm_image(settings) != image


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docker-compose.yaml",
        "timescaledb/databases",
        "litellm.Dockerfile.new",
        "callbacks/demo_provider.py.old",
        "callbacks/__pycache__/demo_provider.cpython-313.pyc",
    ],
)
def test_what_is_not_built_in_changes_no_name(settings: Settings, name: str) -> None:
    image = litellm_image(settings)
    path = settings.paths.services / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("other")
    assert litellm_image(settings) == image


def test_build_settings_are_in_the_name_and_run_time_ones_are_not(settings: Settings) -> None:
    image = litellm_image(settings)
    assert litellm_image(replace(settings, python_image="mine:1")) != image
    assert litellm_image(replace(settings, prisma=Prisma.OFF)) != image
    native = litellm_image(replace(settings, prisma=Prisma.NATIVE))
    assert native != image
    assert litellm_image(replace(settings, prisma=Prisma.NATIVE, prisma_mirror="http://mirror")) not in (native, image)
    assert litellm_image(replace(settings, prisma_mirror="http://mirror")) == image, "the engines from npm have none"
    assert litellm_image(replace(settings, port=1, litellm_memory="1g", bind="::1")) == image


def test_content_moved_from_one_file_to_another_gives_another_name(settings: Settings) -> None:
    one, two = (settings.paths.services / f"callbacks/{name}.py" for name in ("one", "two"))
    one.write_text("ab")
    two.write_text("c")
    image = litellm_image(settings)
    one.write_text("a")
    two.write_text("bc")
    assert litellm_image(settings) != image

"""Building behind a company's proxy: its settings reach the build, and nothing of them is in the image."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from .mirror import Mirror
from .project import docker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .conftest import Build

# One after another: BuildKit runs equal steps of two builds once, whatever secrets each has.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300), pytest.mark.xdist_group("tests/image/test_build.py")]

PLANTED = "planted-password"
INDEX = f"https://user:{PLANTED}@index.invalid/simple?a=$b&c='d'"


def secrets_of_a_build(folder: Path) -> Path:
    path = folder / "build-secrets"
    path.write_text(f"UV_INDEX_URL={shlex.quote(INDEX)}\nPLANTED={PLANTED}\n")
    return path


def test_index_settings_and_the_ca_reach_one_command(bases: Mapping[str, str], services: Path, tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("planted ca\n")
    mounts = {
        services / "litellm/with-build-secrets": "/with-build-secrets",
        secrets_of_a_build(tmp_path): "/run/secrets/build",
        tmp_path / "ca": "/run/secrets/ca",
    }
    volumes = [word for source, target in mounts.items() for word in ("--volume", f"{source}:{target}:ro")]
    script = 'printf "%s\\n" "$UV_INDEX_URL" "$PIP_INDEX_URL" "$SSL_CERT_FILE" "$PIP_CERT"; cat "$SSL_CERT_FILE"'
    told = docker(
        *("run", "--rm", *volumes, bases["RUN_CLAUDE_PYTHON_IMAGE"]),
        *("sh", "/with-build-secrets", "sh", "-c", script),
    )
    assert told.splitlines()[:4] == [INDEX, INDEX, "/tmp/ca.pem", "/tmp/ca.pem"]
    assert told.count("BEGIN CERTIFICATE") > 100, "the public ones"
    assert told.endswith("planted ca\n")


def test_without_secrets_nothing_is_set(bases: Mapping[str, str], services: Path) -> None:
    script = services / "litellm/with-build-secrets"
    volumes = ["--volume", f"{script}:/with-build-secrets:ro", "--volume", "/dev/null:/run/secrets/ca"]
    image = bases["RUN_CLAUDE_PYTHON_IMAGE"]
    assert "/tmp/ca.pem" not in docker("run", "--rm", *volumes, image, "sh", "/with-build-secrets", "env")


@pytest.mark.parametrize("setting", ["PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"])
def test_an_index_of_the_users_is_asked_by_pip_and_uv(
    build: Build, services: Path, tmp_path: Path, setting: str
) -> None:
    with Mirror() as index:  # it has no packages, and tells what it was asked for
        (tmp_path / "secrets").write_text(f"{setting}={index.url}/simple\nPIP_RETRIES=0\n")
        options = ["--no-cache", "--network", "host", "--secret", f"id=build,src={tmp_path / 'secrets'}"]
        _, output = build(services, *options, "--target", "uv", check=False)
        assert "did not complete successfully" in output
        assert "/simple/uv/" in index.requests


def test_the_build_asks_for_the_chosen_base_and_for_no_other_image(build: Build, services: Path) -> None:
    base = "run-claude-absent.invalid/python:3"
    _, output = build(services, "--build-arg", f"RUN_CLAUDE_PYTHON_IMAGE={base}", check=False)
    asked = set(re.findall(r"^#\d+ .*(?:load metadata for|resolve image config for) (\S+)$", output, re.MULTILINE))
    assert asked == {base}, output


def test_the_image_is_built_where_there_is_no_compiler(image: str, bases: Mapping[str, str]) -> None:
    look = ("sh", "-c", "for t in gcc g++ cc make; do command -v $t; done; true")
    assert docker("run", "--rm", bases["RUN_CLAUDE_PYTHON_IMAGE"], *look) == ""


@pytest.fixture
def with_one_package(services: Path, tmp_path: Path) -> Path:
    """A services folder whose image has every step, and one package for LiteLLM's two hundred."""
    folder = shutil.copytree(services, tmp_path / "services")
    requirements = folder / "requirements.txt"
    certifi = re.search(r"^certifi==.*\n(?:    --hash=.*\n)+", requirements.read_text(), re.MULTILINE)
    assert certifi
    requirements.write_text(certifi[0])
    return folder


def test_no_secret_of_the_build_is_in_a_layer(build: Build, with_one_package: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text(f"PLANTED={PLANTED}\n")
    options = ("--build-arg", "RUN_CLAUDE_PATCHES=off", "--secret", f"id=build,src={secrets}")  # nothing to patch
    image, output = build(with_one_package, *options, "--no-cache")
    assert len(re.findall(r"^#\d+ \[environment \d+/\d+\] RUN ", output, re.MULTILINE)) == 1, "built, not cached"
    assert PLANTED not in output
    assert PLANTED not in docker("history", "--no-trunc", image) + docker("image", "inspect", image)
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
        found = subprocess.run(
            ["grep", "-c", PLANTED], stdin=saved.stdout, stdout=subprocess.PIPE, text=True, check=False
        )
    assert found.stdout.strip() == "0"

"""Causes of images, staged with registries, builders and helpers of the test's own: what they say is really said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.instance import Instance, docker

from .expect import fails
from .registries import Answer, certified, errors, nothing, one_image, registry
from .standins import docker_that_says

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]
cause = pytest.mark.cause

PULL = ("proxy", "start", "--profile", "demo")
BUILD = ("proxy", "build")
HUB = "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certified(tmp_path_factory.mktemp("certificate"))


@cause("base-image-network")
def test_a_registry_that_cannot_be_found(prepared: Instance) -> None:
    prepared.extra["RUN_CLAUDE_PYTHON_IMAGE"] = "registry.invalid/python:3"
    assert "registry.invalid/python:3" in fails(prepared, "base-image-network", *BUILD)["message"]


def login_wanted(path: str) -> Answer:
    """A registry that wants a token: BuildKit asks for a login only then."""
    realm = 'Bearer realm="https://127.0.0.1:9/token",service="registry"'
    return Answer(401, headers={"WWW-Authenticate": realm})


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        pytest.param("base-image-unknown", nothing, marks=cause("base-image-unknown")),
        pytest.param(
            "base-image-limit",
            errors(429, "TOOMANYREQUESTS", HUB, Retry_After="90", RateLimit_Remaining="0;w=21600"),
            marks=cause("base-image-limit"),
        ),
        pytest.param(
            "base-image-registry", errors(503, "UNKNOWN", "upstream is away"), marks=cause("base-image-registry")
        ),
        pytest.param("image-platform", one_image(platform="s390x"), marks=cause("image-platform")),
    ],
)
def test_a_registry_says_no_to_a_pull_and_to_a_build(
    prepared: Instance, certificate: Path, code: str, answer: Callable[[str], Answer]
) -> None:
    python, database = "RUN_CLAUDE_PYTHON_IMAGE", "RUN_CLAUDE_TIMESCALEDB_IMAGE"
    with registry(answer, certificate=certificate) as host:
        for setting, command in ((database, PULL), (python, BUILD)):
            usual, prepared.extra[setting] = prepared.environment[setting], f"{host}/x/{setting.lower()}:3"
            error = fails_with(prepared, code, *command)
            assert f"{host}/x/{setting.lower()}:3" in error["message"]
            prepared.extra[setting] = usual
    assert prepared.phase("timescaledb") == "absent"


def fails_with(instance: Instance, code: str, *command: str) -> dict[str, Any]:
    """Run a command that must fail for want of an image: exit code 5, whichever class the cause has elsewhere."""
    told: dict[str, Any] = instance.json(*command, expect=5)["error"]
    assert told["code"] == code, told
    return told


def test_a_limit_that_says_when_it_ends_is_told_with_it(prepared: Instance, certificate: Path) -> None:
    limit = errors(429, "TOOMANYREQUESTS", "retry-after: 1m30.5s, allowed: 44000/minute")
    with registry(limit, certificate=certificate) as host:
        prepared.extra["RUN_CLAUDE_TIMESCALEDB_IMAGE"] = f"{host}/x/timescaledb:17"
        error = fails(prepared, "base-image-limit", *PULL)
    assert error["retryable"]
    assert error["facts"]["retry_after"] == 91
    assert "in 91 s" in error["help"]


@cause("base-image-certificate", "base-image-clock")
def test_a_registry_whose_certificate_is_not_trusted_or_out_of_date(prepared: Instance, tmp_path: Path) -> None:
    gateway = json.loads(docker("network", "inspect", "bridge"))[0]["IPAM"]["Config"][0]["Gateway"]
    for code, expired in (("base-image-certificate", False), ("base-image-clock", True)):
        with registry(nothing, address=gateway, certificate=certified(tmp_path, expired=expired)) as host:
            prepared.extra["RUN_CLAUDE_PYTHON_IMAGE"] = f"{host}/python:3"
            assert "x509" in fails(prepared, code, *BUILD)["message"]


@cause("base-image-credentials")
def test_a_credential_helper_that_is_not_there(prepared: Instance, certificate: Path, tmp_path: Path) -> None:
    config = tmp_path / "docker"
    config.mkdir()
    (config / "config.json").write_text('{"credsStore": "nowhere"}')
    prepared.extra["DOCKER_CONFIG"] = str(config)
    with registry(login_wanted, certificate=certificate) as host:
        for setting, command in (("RUN_CLAUDE_TIMESCALEDB_IMAGE", PULL), ("RUN_CLAUDE_PYTHON_IMAGE", BUILD)):
            usual, prepared.extra[setting] = prepared.environment[setting], f"{host}/x/y:3"
            error = fails(prepared, "base-image-credentials", *command)
            assert "docker-credential-nowhere is not installed" in error["message"]
            assert "config.json" in error["help"]
            prepared.extra[setting] = usual


def test_images_of_this_engine_are_built_from_whatever_builder_is_selected(prepared: Instance) -> None:
    """A builder elsewhere has none of them, and one that cannot be reached builds nothing."""
    config = prepared.folder / "docker"
    environ = {"DOCKER_CONFIG": str(config)}
    docker("buildx", "create", "--driver", "remote", "--use", "tcp://127.0.0.1:9", environ=environ)
    prepared.extra |= {**environ, "DOCKER_BUILDKIT": "0"}
    image = prepared.environment["RUN_CLAUDE_PYTHON_IMAGE"]
    dockerfile = prepared.services / "litellm.Dockerfile"
    dockerfile.write_text(f"FROM {image}\nRUN --mount=type=tmpfs,target=/tmp true # {prepared.name}\n")
    built = prepared.json("proxy", "build")["image"]
    assert docker("image", "inspect", "--format", "{{.Id}}", built)
    docker("image", "rm", "--force", built)


@cause("buildx-missing")
def test_a_build_without_buildx(prepared: Instance) -> None:
    docker_that_says(prepared, "compose build requires buildx 0.17 or later", only=" build ")
    fails(prepared, "buildx-missing", *BUILD)


@cause("build-dns")
def test_a_build_whose_containers_cannot_resolve_names(prepared: Instance) -> None:
    image = prepared.environment["RUN_CLAUDE_PYTHON_IMAGE"]
    script = "--mount=type=bind,source=litellm/with-build-secrets,target=/with-build-secrets"
    step = "sh /with-build-secrets python3 -m pip download --no-cache-dir --retries 0 nothing-of-this-name"
    dockerfile = prepared.services / "litellm.Dockerfile"
    dockerfile.write_text(f"FROM {image}\nRUN --network=none {script} {step} # {prepared.name}\n")
    error = fails(prepared, "build-dns", *BUILD)
    assert error["retryable"]
    assert "cannot resolve names: " in error["message"]


def test_install_has_both_images_and_says_if_it_cannot_have_the_databases(
    instance: Instance, certificate: Path
) -> None:
    instance.run("install", "--no-build")
    image = instance.environment["RUN_CLAUDE_PYTHON_IMAGE"]
    (instance.services / "litellm.Dockerfile").write_text(f"FROM {image}\nLABEL of={instance.name}\n")
    with registry(one_image(), certificate=certificate) as host:
        pulled = f"{host}/x/timescaledb:17"
        instance.extra["RUN_CLAUDE_TIMESCALEDB_IMAGE"] = pulled
        done: subprocess.CompletedProcess[str] = instance.run("install", "--json")
    built = json.loads(done.stdout)["image"]
    assert f"Pulling {pulled}" in done.stderr
    for made in (pulled, built):
        assert docker("image", "inspect", "--format", "{{.Id}}", made)
        docker("image", "rm", "--force", made)
    with registry(nothing, certificate=certificate) as host:
        instance.extra["RUN_CLAUDE_TIMESCALEDB_IMAGE"] = f"{host}/x/timescaledb:18"
        assert f"note: The base image {host}/x/timescaledb:18 cannot be pulled" in instance.run("install").stderr
    docker("image", "rm", "--force", built)

"""What cannot work: one line of cause, one of help, the documented exit code, and nothing half made."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from .instance import docker

if TYPE_CHECKING:
    from .instance import Instance

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(300)]


def fails(instance: Instance, code: str, exit_code: int, *arguments: str) -> dict[str, object]:
    """Run a command that must fail like this, and return the error."""
    error: dict[str, object] = instance.json(*(arguments or ("proxy", "start")), expect=exit_code)["error"]
    assert error["code"] == code, error
    assert error["exit_code"] == exit_code
    assert error["help"]
    assert "\n" not in str(error["message"])
    return error


def test_an_unknown_profile_names_what_is_near(instance: Instance) -> None:
    error = fails(instance, "unknown-profile", 2, "proxy", "start", "--profile", "demmo")
    assert "demo" in str(error["help"])
    assert not instance.left_over()


@pytest.mark.parametrize("port", ["0", "65536", "abc", "-1"])
def test_a_port_out_of_range_is_refused_before_anything_happens(instance: Instance, port: str) -> None:
    instance.extra["LITELLM_PORT"] = port
    error = fails(instance, "port-invalid", 3)
    assert "LITELLM_PORT" in str(error["message"])
    assert not instance.config.exists()


@pytest.mark.cause("port-taken")
def test_a_port_of_a_process_is_named_with_its_holder_and_a_free_one(instance: Instance) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", instance.port))
        holder.listen()
        error = fails(instance, "port-taken", 8, "proxy", "start", "--no-db")
    assert f"(pid {os.getpid()})" in str(error["message"])
    assert "LITELLM_PORT=" in str(error["help"])
    assert instance.phase("litellm") == "absent", "what could not start must not stay half made"


@pytest.mark.cause("port-taken")
def test_a_port_of_a_container_is_named_with_it(instance: Instance) -> None:
    image = instance.environment["RUN_CLAUDE_PYTHON_IMAGE"]
    name = f"{instance.name}-holder"
    label = f"com.docker.compose.project={instance.name}-holder"
    docker("run", "-d", "--name", name, "--label", label, "-p", f"127.0.0.1:{instance.port}:80", image, "sleep", "99")
    try:
        error = fails(instance, "port-taken", 8, "proxy", "start", "--no-db")
        assert name in str(error["message"])
    finally:
        docker("rm", "--force", name)


@pytest.mark.cause("name-taken")
def test_a_foreign_container_of_our_name_is_named_and_left_alone(instance: Instance) -> None:
    name = instance.container("litellm")
    docker("create", "--name", name, instance.environment["RUN_CLAUDE_PYTHON_IMAGE"], "true")
    try:
        error = fails(instance, "name-taken", 8, "proxy", "start", "--no-db")
        assert name in str(error["message"])
        assert "--instance" in str(error["help"])
        assert instance.phase("litellm") == "created"
    finally:
        docker("rm", "--force", name)


@pytest.mark.cause("name-taken")
def test_a_container_that_only_carries_our_labels_is_shown_as_foreign_and_left_alone(instance: Instance) -> None:
    name, image = f"{instance.name}-sleepy", instance.environment["RUN_CLAUDE_PYTHON_IMAGE"]
    labels = {"project": instance.name, "service": "litellm", "oneoff": "False", "config-hash": "0" * 64}
    options = [word for key, value in labels.items() for word in ("--label", f"com.docker.compose.{key}={value}")]
    docker("run", "--detach", "--name", name, *options, image, "sleep", "600")
    try:
        status = instance.json("proxy", "status", expect=None)
        assert status["services"]["litellm"]["phase"] == "absent"
        assert status["foreign"] == [{"container": name, "image": image}]
        error = fails(instance, "name-taken", 8, "proxy", "start", "--no-db")
        assert f"docker rm -f {name}" in str(error["help"])
        found = [row for row in instance.json("doctor", expect=1)["findings"] if row.get("code") == "name-taken"]
        assert name in found[0]["text"]
        assert docker("inspect", "--format", "{{.State.Running}}", name).strip() == "true"
    finally:
        docker("rm", "--force", name)


def test_no_engine_is_said_with_its_address(instance: Instance) -> None:
    instance.extra["DOCKER_HOST"] = f"unix://{instance.folder}/none.sock"
    error = fails(instance, "engine-not-running", 4)
    assert "none.sock" in str(error["message"])


def test_broken_yaml_is_named_with_file_and_line(instance: Instance) -> None:
    instance.run("install", "--no-build")
    (instance.config / "models.yaml").write_text("models:\n  mine: [\n")
    error = fails(instance, "yaml-invalid", 3)
    assert "models.yaml:" in str(error["message"])


def test_an_env_file_that_cannot_be_read_is_named(instance: Instance) -> None:
    (instance.config / ".env").mkdir(parents=True)
    error = instance.json("proxy", "start", expect=3)["error"]
    assert ".env" in error["message"]


def test_a_weak_master_key_is_refused_before_litellm_refuses_it(instance: Instance) -> None:
    instance.extra["LITELLM_MASTER_KEY"] = "sk-1234"
    error = fails(instance, "master-key-refused", 3)
    assert "sk-1234" not in str(error)


@pytest.mark.cause("callback-not-found")
def test_a_callback_that_does_not_load_is_named(instance: Instance) -> None:
    instance.run("install", "--no-build")
    (instance.config / "models.yaml").write_text("litellm_settings:\n  callbacks: [callbacks.not_there.instance]\n")
    error = fails(instance, "callback-not-found", 6, "proxy", "start", "--no-db", "--timeout", "60")
    assert "callbacks.not_there" in str(error["message"])
    assert instance.phase("litellm") == "exited", "what cannot work must not be restarted for ever"

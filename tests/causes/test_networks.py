"""Causes of networks, addresses and files on the engine's host, staged on the real engine."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.instance import Instance, docker

from .expect import fails
from .standins import docker_that_says, edit_compose, litellm_runs

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]
cause = pytest.mark.cause

PROBE = {"test": ["CMD", "true"], "interval": "1s", "start_period": "5s", "start_interval": "100ms"}


def with_network(**ipam: object) -> Callable[[dict[str, Any]], None]:
    """Give the stack's network addresses of its own."""

    def change(document: dict[str, Any]) -> None:
        document["networks"]["internal"]["ipam"] = {"config": [ipam]}

    return change


@cause("network-overlap")
def test_a_network_of_somebody_elses_addresses(prepared: Instance) -> None:
    taken = json.loads(docker("network", "inspect", "bridge"))[0]["IPAM"]["Config"][0]["Subnet"]
    litellm_runs(prepared, "exec sleep 600")
    edit_compose(prepared, with_network(subnet=taken))
    assert "overlap" in fails(prepared, "network-overlap")["message"]
    assert prepared.phase("litellm") == "absent"


@cause("networks-used-up")
def test_a_network_without_an_address_left(prepared: Instance) -> None:
    """As a whole engine without one says it in its own words: tests/unit/domain/diagnosis/test_words_of_engines.py."""
    net = ipaddress.ip_network(f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(256)}.0/30")
    gateway, other = (str(address) for address in net.hosts())
    litellm_runs(prepared, "exec sleep 600")
    edit_compose(prepared, with_network(subnet=str(net), gateway=gateway, aux_addresses={"other": other}))
    error = fails(prepared, "networks-used-up")
    assert "docker network prune" in error["help"]


@cause("name-taken")
def test_a_network_of_the_stacks_name(prepared: Instance) -> None:
    name = f"{prepared.name}-network"
    docker("network", "create", name)
    try:
        assert f"docker network rm {name}" in fails(prepared, "name-taken")["help"]
    finally:
        docker("network", "rm", name)


def test_a_network_that_was_pruned_while_the_stack_was_stopped_is_made_again(prepared: Instance) -> None:
    litellm_runs(prepared, "exec sleep 600", healthcheck=PROBE)
    prepared.start("--no-db")
    prepared.run("proxy", "stop")
    docker("network", "rm", f"{prepared.name}-network")
    prepared.start("--no-db")
    assert prepared.phase("litellm") == "running healthy"


@cause("network-removed")
def test_a_network_that_stays_away(prepared: Instance) -> None:
    docker_that_says(prepared, f"Error response from daemon: network {'0a' * 32} not found", only=" up ")
    assert "proxy stop --all" in fails(prepared, "network-removed")["help"]


@cause("bind-unavailable")
def test_an_address_that_this_host_does_not_have_costs_nothing_that_runs(prepared: Instance) -> None:
    litellm_runs(prepared, "exec sleep 600", healthcheck=PROBE)
    prepared.start("--no-db")
    before = prepared.inspect("litellm")["Id"]
    prepared.extra["RUN_CLAUDE_BIND"] = "192.0.2.77"
    error = fails(prepared, "bind-unavailable")
    assert "192.0.2.77 (RUN_CLAUDE_BIND)" in error["message"]
    found = prepared.json("doctor", expect=None)["findings"]
    assert "bind-unavailable" in [finding.get("code") for finding in found]
    assert (prepared.inspect("litellm")["Id"], prepared.phase("litellm")) == (before, "running healthy")


def test_an_address_that_the_engines_host_does_not_have_is_told_in_its_words(prepared: Instance) -> None:
    """As where the engine is on another machine, and only it knows its addresses: here the compose file names one."""
    litellm_runs(prepared, "exec sleep 600", ports=[f"192.0.2.77:{prepared.port}:4444"])
    assert "192.0.2.77" in fails(prepared, "bind-unavailable")["message"]


@cause("files-out-of-reach")
def test_a_docker_command_that_does_not_see_our_files(prepared: Instance) -> None:
    """As one from a snap, for which hidden folders are closed: here for a docker command without root's privileges."""
    path = prepared.services / "docker-compose.yaml"
    if os.geteuid() == 0:
        folder = prepared.folder / "bin"
        folder.mkdir(exist_ok=True)
        bounds = "setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all"
        real = next(place for place in os.environ["PATH"].split(":") if os.access(f"{place}/docker", os.X_OK))
        (folder / "docker").write_text(f'#!/bin/sh\nexec {bounds} {real}/docker "$@"\n')
        (folder / "docker").chmod(0o755)
        prepared.extra["PATH"] = f"{folder}:{os.environ['PATH']}"
        path.chmod(0)
    else:
        docker_that_says(prepared, f"open {path}: permission denied")
    try:
        error = fails(prepared, "files-out-of-reach")
    finally:
        path.chmod(0o644)
    assert str(path) in error["message"]
    assert "RUN_CLAUDE_HOME" in error["help"]


def test_a_mount_that_the_engine_does_not_see(prepared: Instance) -> None:
    missing = {"type": "bind", "source": "/nonexistent/of/ours", "target": "/x", "bind": {"create_host_path": False}}

    def mount(document: dict[str, Any]) -> None:
        document["services"]["litellm"]["volumes"].append(missing)

    litellm_runs(prepared, "exec sleep 600")
    edit_compose(prepared, mount)
    assert "/nonexistent/of/ours" in fails(prepared, "files-out-of-reach")["message"]


@cause("docker-cli-too-old")
def test_a_docker_command_that_is_too_old_for_the_engine(prepared: Instance) -> None:
    """As one of Engine 20.10 for Engine 29: here one that speaks the API of Docker 1.11, as no engine does."""
    folder = prepared.folder / "bin"
    folder.mkdir(exist_ok=True)
    real = next(place for place in os.environ["PATH"].split(":") if os.access(f"{place}/docker", os.X_OK))
    (folder / "docker").write_text(f'#!/bin/sh\nDOCKER_API_VERSION=1.23 exec {real}/docker "$@"\n')
    (folder / "docker").chmod(0o755)
    prepared.extra["PATH"] = f"{folder}:{os.environ['PATH']}"
    assert "1.23" in fails(prepared, "docker-cli-too-old")["message"]

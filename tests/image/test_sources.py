"""What a look at the Dockerfile and the compose file shows, without an engine."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from .project import REPOSITORY

DEP = REPOSITORY / "dep"
DOCKERFILE = (DEP / "litellm.Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DEP / "docker-compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]


def test_no_frontend_has_to_be_pulled() -> None:
    assert not DOCKERFILE.lstrip().startswith("# syntax")


def test_every_stage_stands_on_the_chosen_base() -> None:
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert bases == {"${RUN_CLAUDE_PYTHON_IMAGE}", "environment", "prisma-client", "prisma-${RUN_CLAUDE_PRISMA}"}


def test_nothing_is_compiled() -> None:
    assert not re.search(r"\b(gcc|g\+\+|build-essential|libpq-dev)\b", DOCKERFILE)
    assert DOCKERFILE.count("--only-binary :all:") == 2


def test_callbacks_come_last_so_that_a_changed_one_rebuilds_one_layer() -> None:
    assert DOCKERFILE.rstrip().splitlines()[-1] == "COPY callbacks/ /app/callbacks/"


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_not_published_on_every_interface(service: str) -> None:
    for port in SERVICES[service]["ports"]:
        assert port.startswith("${RUN_CLAUDE_BIND:-127.0.0.1}:")


@pytest.mark.parametrize("service", SERVICES)
def test_health_checks_have_the_interval_without_which_a_start_takes_half_a_minute(service: str) -> None:
    check = SERVICES[service]["healthcheck"]
    assert check["start_interval"] == "100ms"
    assert check["start_period"], "start_interval does nothing without it"


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_comes_as_a_variable(service: str) -> None:
    definition = SERVICES[service]
    assert "env_file" not in definition
    for name, value in definition.get("environment", {}).items():
        assert name.endswith("_FILE") or not re.search("KEY|PASSWORD|SECRET|TOKEN", name), (name, value)


def test_no_service_waits_for_the_other_to_be_started() -> None:
    assert not any("depends_on" in service for service in SERVICES.values())


def test_everything_carries_the_name_of_the_instance() -> None:
    instance = "${RUN_CLAUDE_INSTANCE:-run-claude}"
    named = [service["container_name"] for service in SERVICES.values()]
    named += [item["name"] for kind in ("volumes", "networks") for item in COMPOSE[kind].values()]
    assert COMPOSE["name"] == instance
    assert all(name.startswith(f"{instance}-") for name in named)

"""What a container says that is confined, not made for the engine, or of another layout than PostgreSQL's images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.database.failure import failed
from run_claude.docker.process import Completed
from run_claude.domain.diagnosis import database_log, proxy_log, service_failure
from run_claude.domain.lifecycle import Phase, Service, ServiceState
from run_claude.errors import StartError
from run_claude.stack.evidence import _security
from tests.marks import KEY, begun, mark, served

if TYPE_CHECKING:
    from run_claude.domain.diagnosis.log import Evidence

LOOPING = ServiceState(phase=Phase.RESTARTING, id="a", name="x-litellm", exit_code=1, restarts=3)
DENIED = [
    (Service.TIMESCALEDB, "/bin/sh: 0: cannot open /run-claude/entrypoint: Permission denied"),
    (Service.TIMESCALEDB, "cat: /run/secrets/postgres_password: Permission denied"),
    (Service.LITELLM, "PermissionError: [Errno 13] Permission denied: '/app/config/litellm_config.yaml'"),
    (Service.LITELLM, mark("error: litellm.json cannot be read by uid 10001")),
]


def log_of(service: Service, line: str) -> Evidence:
    return proxy_log([*begun(), line], KEY) if service is Service.LITELLM else database_log([line])


@pytest.mark.cause("selinux-denied")
@pytest.mark.parametrize(("service", "line"), DENIED)
def test_what_may_not_be_read_under_selinux_is_selinuxs(service: Service, line: str) -> None:
    log = log_of(service, line)
    without = service_failure(service, "looping", LOOPING, log)
    error = service_failure(service, "looping", LOOPING, replace(log, security=frozenset({"seccomp", "selinux"})))
    assert without.code != error.code == "selinux-denied"
    assert isinstance(error, StartError)
    assert "\n" not in error.message
    assert "chcon" in error.help


def test_what_comes_from_outside_is_no_denial() -> None:
    said = "21:03:11 - LiteLLM Proxy:ERROR: common.py:1 - litellm.APIError: Permission denied"
    log = replace(proxy_log(served(said), KEY), security=frozenset({"selinux"}))
    assert service_failure(Service.LITELLM, "looping", LOOPING, log).code == "container-looping"


@pytest.mark.parametrize(
    ("info", "names"),
    [
        ({"SecurityOptions": ["name=seccomp,profile=builtin", "name=selinux", "name=cgroupns"]}, "selinux"),
        ({"SecurityOptions": ["name=seccomp", "name=userns"]}, "userns"),
        ({"SecurityOptions": None}, ""),
        ({}, ""),
    ],
)
def test_what_confines_containers_is_read_from_what_the_engine_says(info: dict[str, object], names: str) -> None:
    assert _security(info) & {"selinux", "userns", "rootless"} == set(names.split())


@pytest.mark.parametrize(
    "line",
    [
        "exec /bin/sh: exec format error",
        "[FATAL tini (7)] exec /bin/sh failed: Exec format error",
    ],
)
def test_an_image_of_another_processor_is_told(line: str) -> None:
    for service in Service:
        error = service_failure(service, "looping", LOOPING, log_of(service, line))
        assert (error.code, error.exit_code) == ("image-platform", 6)


@pytest.mark.parametrize(
    "line",
    [
        "/run-claude/entrypoint: 24: docker-entrypoint.sh: not found",
        "/run-claude/entrypoint: line 24: docker-entrypoint.sh: command not found",
        "/bin/sh: /run-claude/entrypoint: line 24: docker-entrypoint.sh: not found",
    ],
)
def test_an_image_of_another_layout_is_told(line: str) -> None:
    error = service_failure(Service.TIMESCALEDB, "looping", LOOPING, database_log([line]))
    assert error.code == "database-image"
    assert "docker-entrypoint.sh" in error.message


def test_a_database_without_the_library_of_its_catalog_is_told_where_it_is_asked() -> None:
    said = 'psql:<stdin>:1: ERROR:  could not access file "$libdir/timescaledb-2.19.3": No such file or directory'
    ill = replace(LOOPING, phase=Phase.UNHEALTHY, health_output=said)
    error = service_failure(Service.TIMESCALEDB, "unhealthy", ill, database_log([]))
    assert (error.code, error.exit_code) == ("timescaledb-version", 6)
    assert "timescaledb-2.19.3" in error.message
    refused = failed("The database refused a statement", Completed(("psql",), 3, "", said), "query-failed")
    assert (refused.code, refused.exit_code) == ("timescaledb-version", 11)
    assert "timescaledb-2.19.3" in refused.message

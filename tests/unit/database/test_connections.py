"""A database without a free connection is a cause, not an internal error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.database.server import Server
from run_claude.docker.endpoint import Endpoint
from run_claude.domain.diagnosis import service_failure
from run_claude.domain.lifecycle import Phase, Service, ServiceState
from run_claude.errors import DataError
from tests.marks import log_of, mark

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

REFUSALS = [
    "FATAL:  sorry, too many clients already",
    "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
]


@pytest.fixture(params=REFUSALS)
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server whose psql gets no connection."""
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\necho 'psql: error: connection failed: {request.param}' >&2\nexit 2\n")
    docker.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Server(Endpoint("unix:///nowhere"), "c0ffee", {"PATH": f"{tmp_path}:/usr/bin:/bin"})


@pytest.mark.cause("database-connections")
async def test_a_question_names_it(server: Server) -> None:
    with pytest.raises(DataError) as caught:
        await server.ask("postgres", "SELECT 1;\n")
    assert (caught.value.code, caught.value.retryable) == ("database-connections", True)


async def test_a_backup_names_it(server: Server) -> None:
    with pytest.raises(DataError) as caught:
        async with server.snapshot("postgres", "SELECT 1;\n"):
            pass
    assert caught.value.code == "database-connections"


@pytest.mark.parametrize("line", REFUSALS)
def test_the_proxy_names_it(line: str) -> None:
    state = ServiceState(phase=Phase.EXITED, id="1", exit_code=69)
    for said in (f"Error: {line}", mark(f"error: a migration of LiteLLM's database failed: {line}")):
        log = log_of(Service.LITELLM, [said])
        assert service_failure(Service.LITELLM, "died", state, log).code == "database-connections"

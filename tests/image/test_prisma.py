"""LiteLLM's database client: baked at build, from Prisma's host or a mirror, and complete without a network."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from .mirror import Mirror
from .project import MASTER_KEY, PASSWORD, Project, docker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from .conftest import Build

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]

DATABASE = {
    "LITELLM_MASTER_KEY": MASTER_KEY,
    "DATABASE_HOST": "timescaledb",
    "DATABASE_USERNAME": "postgres",
    "DATABASE_PASSWORD": PASSWORD,
    "DATABASE_NAME": "litellm",
}
# An internal network has no way out; with the default one a forgotten download would succeed and not be seen.
NO_EGRESS = """
networks:
  internal:
    internal: true
"""


def with_mirror(mirror: Mirror) -> list[str]:
    arguments = {"RUN_CLAUDE_PRISMA": "native", "PRISMA_ENGINES_MIRROR": mirror.url}
    return ["--network", "host", *(f"--build-arg={name}={value}" for name, value in arguments.items())]


@pytest.fixture(scope="module")
def stand_in(build: Build, services: Path) -> tuple[str, list[str]]:
    """The image with stand-ins for the engines, and what its build asked of the mirror."""
    with Mirror() as mirror:
        image, _ = build(services, *with_mirror(mirror))
        return image, mirror.requests


def test_the_build_asks_the_mirror_for_this_platforms_engines_only(stand_in: tuple[str, list[str]]) -> None:
    _, requests = stand_in
    asked = {path.rpartition("/")[2] for path in requests}
    assert {"query-engine.gz", "schema-engine.gz"} <= asked
    assert len({path.split("/")[3] for path in requests}) == 1


def test_everything_is_where_it_must_be_and_anybody_can_read_it(stand_in: tuple[str, list[str]]) -> None:
    image, _ = stand_in
    script = (
        "set -e; cd /opt/prisma; test -x engines/query-engine -a -x engines/schema-engine; node --version; "
        'test -x "$PRISMA_CLI_PATH"; python -c "from prisma import Prisma"; '
        "! command -v npm; find /opt/prisma ! -perm -o=r; find /opt/prisma -type d ! -perm -o=x; echo done"
    )
    told = docker(
        "run", "--rm", "--user", "54321:54321", "--network", "none", "--entrypoint", "sh", image, "-c", script
    )
    assert told.splitlines()[1:] == ["done"]
    assert json.loads(docker("image", "inspect", image))[0]["Config"]["Labels"]["run-claude.prisma"] == "native"


@pytest.mark.parametrize("missing", ["query-engine", "schema-engine"])
def test_the_build_stops_when_an_engine_is_missing_and_names_the_two_ways_on(
    build: Build, services: Path, missing: str
) -> None:
    with Mirror(missing=frozenset({missing})) as mirror:
        _, output = build(services, *with_mirror(mirror), check=False)
        assert f"run-claude: error: Prisma's engines cannot be fetched from {mirror.url}: no {missing}" in output
    assert "PRISMA_ENGINES_MIRROR" in output
    assert "RUN_CLAUDE_PRISMA=off" in output


# --- a stack with it ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database_mode(
    tmp_path_factory: pytest.TempPathFactory, services: Path, stand_in: tuple[str, list[str]], bases: Mapping[str, str]
) -> Iterator[Project]:
    """A stack whose LiteLLM uses the database, as any user and without a way to the internet."""
    folder = tmp_path_factory.mktemp("database")
    (folder / "no-egress.yaml").write_text(NO_EGRESS)
    project = Project(folder=folder, services=services, image=stand_in[0], bases=bases, secrets=DATABASE)
    project.variables["RUN_CLAUDE_CONTAINER_USER"] = "54321:54321"
    project.files.append(str(folder / "no-egress.yaml"))
    try:
        project.up()
        project.wait_for(project.litellm)
        yield project
    finally:
        project.remove()


def query(project: Project, sql: str) -> str:
    return docker("exec", project.timescaledb, "psql", "-U", "postgres", "-d", "litellm", "-tAc", sql).strip()


def readiness(project: Project) -> dict[str, str]:
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:4444/health/readiness').read().decode())"
    told: dict[str, str] = json.loads(docker("exec", project.litellm, "python", "-c", ask))
    return told


def test_migrations_run_without_a_network_and_make_tables(database_mode: Project) -> None:
    tables = (
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public' AND table_name LIKE 'LiteLLM_%'"
    )
    assert int(query(database_mode, tables)) > 50, "once it exited with 0 and nothing was applied"


def test_ready_means_that_the_database_is_used(database_mode: Project) -> None:
    assert readiness(database_mode) == {"status": "healthy", "db": "connected"}
    docker("exec", database_mode.litellm, "test", "-e", "/tmp/run-claude/database")


def test_the_waterfall_has_the_databases_step(database_mode: Project) -> None:
    said = [line for line in docker("logs", database_mode.litellm).splitlines() if line.startswith("run-claude: ")]
    assert said == ["run-claude: entrypoint", "run-claude: litellm imported", "run-claude: database reachable"]


def test_the_databases_password_is_in_nothing_that_the_engine_tells(database_mode: Project) -> None:
    told = docker("logs", database_mode.litellm) + docker("inspect", database_mode.litellm)
    assert PASSWORD not in told


def test_without_its_database_it_is_not_ready(database_mode: Project) -> None:
    def probe() -> str:
        return docker("exec", database_mode.litellm, "/app/healthcheck", check=False)

    assert probe() == "ready\n"
    database_mode.compose("stop", "timescaledb")
    # LiteLLM believes in its last good answer for 15 s.
    limit = time.monotonic() + 60
    while (told := probe()) == "ready\n" and time.monotonic() < limit:
        pass
    assert "readiness" in told


# --- the real engines ---------------------------------------------------------------------------------------------


def fetchable() -> bool:
    try:
        socket.create_connection(("binaries.prisma.sh", 443), timeout=5).close()
    except OSError:
        return False
    return True


def test_the_real_engines_serve_a_key_that_outlives_the_container(
    build: Build, services: Path, bases: Mapping[str, str], tmp_path: Path
) -> None:
    if not fetchable():
        pytest.skip("Prisma's own host cannot be reached from here")
    image, _ = build(services, "--build-arg", "RUN_CLAUDE_PRISMA=native")
    project = Project(folder=tmp_path / "real", services=services, image=image, bases=bases, secrets=DATABASE)
    try:
        project.up()
        project.wait_for(project.litellm)
        assert readiness(project)["db"] == "connected"
        key = project.post("/key/generate", {"models": ["demo-opus"]}).json()["key"]
        project.compose("rm", "--stop", "--force", "litellm")
        project.up()
        project.wait_for(project.litellm)
        models = httpx.get(f"http://127.0.0.1:{project.port}/v1/models", headers={"authorization": f"Bearer {key}"})
        assert [model["id"] for model in models.json()["data"]] == ["demo-opus"]
    finally:
        project.remove()

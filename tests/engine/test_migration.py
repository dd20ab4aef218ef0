"""From the layout of before, with a database that runs and has rows in it, to this one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from .instance import docker, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .instance import Instance

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(400)]

OLD_COMPOSE = """\
services:
  timescaledb:
    image: {image}
    container_name: {name}-timescaledb
    environment: {{POSTGRES_PASSWORD: of-the-old-layout}}
    volumes: ["timescaledb-data:/var/lib/postgresql/data"]
    ports: ["127.0.0.1:{port}:5432"]
    networks: [internal]
volumes:
  timescaledb-data: {{name: {name}-timescaledb-data}}
networks:
  internal: {{name: {name}-network}}
"""


@pytest.fixture
def old(instance: Instance) -> Iterator[Instance]:
    """A stack that the release of before has set up, with a thousand rows in its database."""
    folder = instance.folder / "state" / "dep"
    folder.mkdir(parents=True)
    image = instance.environment["RUN_CLAUDE_TIMESCALEDB_IMAGE"]
    compose = folder / "docker-compose.yaml"
    compose.write_text(OLD_COMPOSE.format(image=image, name=instance.name, port=free_port()))
    project = f"{instance.name}-infra"
    docker("compose", "-p", project, "-f", str(compose), "up", "-d")
    ready = ("exec", instance.container("timescaledb"), "pg_isready", "-q", "-h", "127.0.0.1")
    deadline = time.monotonic() + 60
    while "accepting" not in docker(*ready[:3], *ready[4:], check=False):
        assert time.monotonic() < deadline
        time.sleep(0.1)  # the old layout had no health check: there is no event to wait for
    instance.sql("CREATE TABLE kept (n int)")
    instance.sql("INSERT INTO kept SELECT generate_series(1, 1000)")
    yield instance
    docker("compose", "-p", project, "down", "--volumes", check=False)
    instance.remove()
    docker("volume", "rm", "--force", f"{instance.name}-timescaledb-data", check=False)


def test_the_rows_are_still_there_and_the_old_folder_is_gone(old: Instance) -> None:
    first = old.run("proxy", "start", "--profile", "demo")
    assert "note: Moved" in first.stderr
    assert old.sql("SELECT count(*) FROM kept") == "1000"
    assert not (old.folder / "state" / "dep").exists()
    assert (old.services / "docker-compose.yaml").is_file()
    assert old.sql_by_password("SELECT 1") == "1"

    second = old.run("proxy", "start", "--profile", "demo")
    assert second.stderr == "", "a second run must be silent"

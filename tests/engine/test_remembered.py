"""What was said is remembered, and what works is given up only for what works: on a real engine."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests import runs
from tests.runs import free_port

from .instance import Instance, docker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(300)]

PGDATA = "/var/lib/postgresql/data"


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, stand_in_release: dict[str, str]) -> Iterator[Instance]:
    """A stack whose port of `.env` is taken, and that was started on another one."""
    stack = Instance(tmp_path_factory.mktemp("user"), release=stand_in_release)
    taken = stack.port
    with socket.create_server(("127.0.0.1", taken)):
        try:
            assert stack.json("proxy", "start", expect=8)["error"]["code"] == "port-taken"
            stack.port = free_port()
            port, stack.extra = stack.port, {"LITELLM_PORT": str(taken)}
            stack.start("--port", str(port))
            stack.psql("run_claude", "CREATE TABLE kept AS SELECT generate_series(1, 100) AS n")
            yield stack
        finally:
            stack.extra = {}
            stack.remove()


@contextlib.contextmanager
def image_like(dockerfile: str, base: str) -> Iterator[str]:
    """Build an image of the database that differs a little."""
    name = runs.name("rct")
    command = ["docker", "build", "--quiet", "--tag", name, "-"]
    subprocess.run(command, input=f"FROM {base}\n{dockerfile}", text=True, check=True, capture_output=True)
    try:
        yield name
    finally:
        docker("image", "rm", "--force", name)


def ids(stack: Instance) -> list[str]:
    return [str(stack.inspect(service)["Id"]) for service in ("timescaledb", "litellm")]


def test_the_port_of_a_start_is_the_instances(moved: Instance) -> None:
    before = ids(moved)
    printed = moved.run("with", "demo", "--", "sh", "-c", "echo $ANTHROPIC_BASE_URL").stdout
    assert printed.strip() == moved.url
    status = moved.json("proxy", "status")
    assert (status["url"], status["remembered"], status["drift"]) == (moved.url, {"--port": str(moved.port)}, [])
    assert moved.url in moved.run("env", "demo").stdout
    assert ids(moved) == before


def test_an_image_that_does_not_fit_the_volume_costs_nothing(moved: Instance) -> None:
    base, before, usual = moved.environment["RUN_CLAUDE_TIMESCALEDB_IMAGE"], ids(moved), dict(moved.extra)
    note = docker("exec", moved.container("timescaledb"), "cat", f"{PGDATA}/run-claude.note")
    assert note.splitlines()[0] in ("apache", "timescale")
    older = """
RUN for library in $(find /usr -name 'timescaledb-[0-9]*.so'); do mv $library ${library%-*}-2.0.0.so; done \\
 && sed -i "s/default_version.*/default_version = '2.0.0'/" $(find /usr -name timescaledb.control)
"""
    elsewhere = "ENV PGDATA=/home/postgres/pgdata/data\n"
    for dockerfile, code in ((elsewhere, "database-image"), (older, "timescaledb-version")):
        with image_like(dockerfile, base) as image:
            moved.extra = {**usual, "RUN_CLAUDE_TIMESCALEDB_IMAGE": image}
            error = moved.json("proxy", "restart", expect=6)["error"]
            moved.extra = usual
        assert error["code"] == code
        assert "PostgreSQL 17, with TimescaleDB 2." in error["message"]
        assert ids(moved) == before
        assert moved.phase("litellm") == "running healthy"
    assert moved.psql("run_claude", "SELECT count(*) FROM kept") == "100"


def test_a_restart_that_is_killed_is_finished_by_the_next_start(moved: Instance) -> None:
    mark = moved.folder / "state" / "instances" / moved.name / "unfinished.json"
    restart = moved.start_command("proxy", "restart")
    end = time.monotonic() + 120
    while not mark.exists():
        assert restart.poll() is None
        assert time.monotonic() < end
        time.sleep(0.005)
    restart.send_signal(signal.SIGKILL)
    restart.communicate()
    assert moved.json("proxy", "status")["unfinished"] == "proxy restart"
    assert moved.start()["url"] == moved.url
    assert moved.phase("litellm") == "running healthy"
    assert not mark.exists()


def test_a_broken_models_file_stops_neither_status_nor_restart(moved: Instance) -> None:
    models = moved.config / "models.yaml"
    before = models.read_text() if models.exists() else None
    models.write_text("models: [\n")
    try:
        assert "models.yaml" in moved.json("proxy", "status")["broken"]
        restarted = moved.run("proxy", "restart")
        assert "What was deployed last is restarted." in restarted.stderr
        assert moved.phase("litellm") == "running healthy"
        moved.run("proxy", "logs", "-n", "1")
        moved.run("db", "status")
        moved.run("db", "stop")
        moved.run("db", "start")
    finally:
        models.unlink() if before is None else models.write_text(before)
    assert moved.phase("timescaledb") == "running healthy"

"""scripts/bases: which base images, and stand-ins that keep the contract of the official ones."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Docker, Run

PYTHON, TIMESCALEDB = "RUN_CLAUDE_PYTHON_IMAGE", "RUN_CLAUDE_TIMESCALEDB_IMAGE"
MACHINE = "RUN_CLAUDE_MACHINE_IMAGE"
UNSET = {PYTHON: "", TIMESCALEDB: ""}


def settings(stdout: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in stdout.splitlines())


def test_images_of_the_users_choice_are_taken_as_they_are_without_an_engine(run: Run) -> None:
    chosen = {PYTHON: "registry.example/python:3.13", TIMESCALEDB: "registry.example/timescaledb"}
    result = run("bases", DOCKER_HOST="unix:///nowhere.sock", **chosen)
    assert result.returncode == 0
    assert settings(result.stdout) == chosen
    assert result.stderr == ""


def test_a_machine_for_the_tests_is_there_only_for_who_asks(run: Run) -> None:
    chosen = {PYTHON: "registry.example/python:3.13", TIMESCALEDB: "registry.example/timescaledb", MACHINE: "a/machine"}
    result = run("bases", "--machine", DOCKER_HOST="unix:///nowhere.sock", **chosen)
    assert settings(result.stdout) == chosen
    assert MACHINE not in settings(run("bases", DOCKER_HOST="unix:///nowhere.sock", **chosen).stdout)


@pytest.fixture
def images(run: Run) -> dict[str, str]:
    """The two images of this machine, built or pulled by the script itself where they are missing."""
    result = run("bases", **UNSET)
    assert result.returncode == 0, result.stderr
    return settings(result.stdout)


@pytest.mark.engine
@pytest.mark.timeout(300)
class TestTheScript:
    @pytest.mark.quiet
    def test_a_second_call_is_silent_and_quick_and_says_the_same(self, run: Run, images: dict[str, str]) -> None:
        began = time.monotonic()
        result = run("bases", **UNSET)
        assert time.monotonic() - began < 2  # 0.15 s on a quiet machine
        assert result.stderr == ""
        assert settings(result.stdout) == images

    def test_a_stand_in_says_so_and_never_bears_the_official_name(self, docker: Docker, images: dict[str, str]) -> None:
        for image in images.values():
            label = '{{index .Config.Labels "run-claude.stand-in-for"}}'
            stand_in_for = docker("image", "inspect", "--format", label, image)
            assert bool(stand_in_for) == image.startswith("run-claude-base/")


@pytest.mark.engine
@pytest.mark.timeout(300)
class TestThePythonImage:
    def test_python_and_pip_are_on_the_path_and_may_install(self, docker: Docker, images: dict[str, str]) -> None:
        checks = "python --version && python3 --version && pip --version && python -m venv /tmp/venv"
        # A dry run is refused, too, where the system's Python is "externally managed".
        package = "pip install --no-index --no-build-isolation --quiet --dry-run pip"
        output = docker("run", "--rm", "--network", "none", images[PYTHON], "bash", "-ec", f"{checks} && {package}")
        assert output.splitlines()[0].startswith("Python 3.13.")

    def test_pip_finds_nothing_that_it_could_not_replace(self, docker: Docker, images: dict[str, str]) -> None:
        listed = docker("run", "--rm", "--network", "none", images[PYTHON], "pip", "list", "--format", "freeze")
        assert [line.partition("==")[0] for line in listed.splitlines()] == ["pip"]

    def test_public_certificates_are_there(self, docker: Docker, images: dict[str, str]) -> None:
        code = "import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 100)"
        assert docker("run", "--rm", "--network", "none", images[PYTHON], "python", "-c", code) == "True"


class Database:
    """A container of the image under test."""

    def __init__(self, docker: Docker, image: str, scripts: Path) -> None:
        self._docker, self._image, self._scripts = docker, image, scripts
        self.name = docker.name("db")
        self.volume = docker.name("data")

    def start(self, *options: str, password: str = "secret", network: str = "none") -> None:  # noqa: S107
        volumes = ["-v", f"{self.volume}:/var/lib/postgresql/data"]
        for file in sorted(self._scripts.iterdir()):
            volumes += ["-v", f"{file}:/docker-entrypoint-initdb.d/{file.name}:ro"]
        secret = ["-e", f"POSTGRES_PASSWORD={password}"] if password else []
        self._docker("run", "-d", "--network", network, "--name", self.name, *secret, *volumes, *options, self._image)
        self.wait()

    def wait(self) -> None:
        """Wait for an answer over TCP; ends at once with the container, showing its log."""
        ready = "for i in $(seq 150); do pg_isready -q -h 127.0.0.1 -U postgres && echo ready && exit; sleep 0.2; done"
        assert self._docker("exec", self.name, "sh", "-c", ready, check=False) == "ready", self.logs()

    def query(self, sql: str, database: str = "postgres", user: str = "postgres") -> str:
        return self._docker("exec", self.name, "psql", "-X", "-A", "-t", "-U", user, "-d", database, "-c", sql)

    def logs(self) -> str:
        return self._docker("logs", self.name)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    folder = tmp_path / "initdb.d"
    folder.mkdir()
    return folder


@pytest.fixture
def database(docker: Docker, images: dict[str, str], scripts: Path) -> Database:
    return Database(docker, images[TIMESCALEDB], scripts)


@pytest.mark.engine
@pytest.mark.timeout(300)
class TestTheTimescaleDBImage:
    def test_a_hypertable_of_a_new_volume_survives_a_stop_and_the_container(
        self, database: Database, docker: Docker, scripts: Path
    ) -> None:
        (scripts / "100-probe.sh").write_text("pg_isready; pg_isready -h 127.0.0.1 || echo 'no answer over TCP'\n")
        database.start()
        assert "no answer over TCP" in database.logs(), "nobody can connect while it initialises"
        assert docker("exec", database.name, "stat", "-c", "%U", "/proc/1") == "postgres", "not as root"

        database.query("CREATE TABLE t (time timestamptz NOT NULL, v int); SELECT create_hypertable('t', 'time')")
        hours = "SELECT '2026-01-01'::timestamptz + i * interval '1 hour', 1 FROM generate_series(0, 47) i"
        database.query(f"INSERT INTO t {hours}")
        docker("stop", database.name)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", database.name) == "0"
        assert "database system is shut down" in database.logs().splitlines()[-1]

        docker("rm", database.name)
        database.start(password="")  # needed for a new volume only
        rows = database.query("SELECT time_bucket('1 day', time), sum(v) FROM t GROUP BY 1 ORDER BY 1")
        assert [row.split("|")[1] for row in rows.splitlines()] == ["24", "24"]

    def test_scripts_of_every_kind_run_once_in_order_on_a_new_volume(
        self, database: Database, docker: Docker, scripts: Path
    ) -> None:
        (scripts / "100-table.sql").write_text("CREATE TABLE runs (what text);\n")
        (scripts / "200-packed.sql.gz").write_bytes(gzip.compress(b"INSERT INTO runs VALUES ('packed');\n"))
        insert = 'psql -X -q -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "INSERT INTO runs VALUES (\'{}\')"\n'
        (scripts / "300-sourced.sh").write_text(insert.format("sourced"))
        executed = scripts / "400-executed.sh"
        executed.write_text("#!/bin/sh\n" + insert.format("executed"))
        executed.chmod(0o755)
        database.start("-e", "POSTGRES_USER=ada", "-e", "POSTGRES_DB=engine")
        for _ in range(2):
            assert database.query("SELECT what FROM runs", "engine", "ada").split() == ["packed", "sourced", "executed"]
            docker("restart", database.name)
            database.wait()

    def test_a_script_that_fails_ends_the_container(self, database: Database, docker: Docker, scripts: Path) -> None:
        (scripts / "100-broken.sql").write_text("SELECT no_such_function();\n")
        with pytest.raises(AssertionError, match="no_such_function"):
            database.start()
        assert docker("wait", database.name) != "0"

    def test_a_wrong_password_is_refused_from_outside(self, database: Database, docker: Docker, tmp_path: Path) -> None:
        secret = tmp_path / "password"
        secret.write_text("p@ss'w$rd\n")
        network = docker.name("net")
        docker("network", "create", "--internal", network)
        try:
            database.start(
                *("-v", f"{secret}:/run/secrets/password:ro", "-e", "POSTGRES_PASSWORD_FILE=/run/secrets/password"),
                password="",
                network=network,
            )
            ask = 'psql -X -A -t -U postgres -h "$(hostname -i)" -c "SELECT 1"'
            connect = ["exec", "-e", "PGPASSWORD={}", database.name, "sh", "-c", ask]
            right = docker(*[part.format("p@ss'w$rd") for part in connect])
            wrong = docker(*[part.format("secret") for part in connect], check=False)
        finally:
            docker("rm", "-f", database.name)
            docker("network", "rm", network)
        assert right == "1"
        assert "password authentication failed" in wrong

    def test_a_new_volume_without_a_password_is_refused(self, docker: Docker, images: dict[str, str]) -> None:
        output = docker("run", "--rm", "--network", "none", images[TIMESCALEDB], check=False)
        assert "superuser password is not specified" in output

    def test_a_stand_in_starts_as_any_user(self, database: Database, docker: Docker, images: dict[str, str]) -> None:
        if not images[TIMESCALEDB].startswith("run-claude-base/"):
            pytest.skip("the official image is there; it knows only its own users")
        # A folder below the volume: the volume's own is the image's, and initdb wants one of its user.
        database.start(
            *("--user", "12345:12345", "--cap-drop", "ALL", "-e", "PGDATA=/var/lib/postgresql/data/cluster"),
            *("--read-only", "--tmpfs", "/tmp", "--tmpfs", "/run/postgresql:mode=1777"),
        )
        assert docker("exec", database.name, "stat", "-c", "%u", "/proc/1") == "12345"
        assert database.query("SELECT 1") == "1"

"""scripts/engine: finds, starts, and says what to do where it can do neither."""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import stat
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from .conftest import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Docker, Machine, Run


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def cause_and_help(stderr: str) -> tuple[str, str]:
    """The two lines that end every failure."""
    cause, help_ = stderr.splitlines()[-2:]
    assert cause.startswith("engine: ")
    assert help_.startswith("  → ")
    return cause, help_


@pytest.fixture
def without_docker(tmp_path: Path) -> str:
    """A PATH with everything but docker, on which the user is not root."""
    folder = tmp_path / "bin"
    executable(folder / "id", '#!/bin/sh\n[ "$1" = -un ] && echo ada || echo 1000\n')
    for tool in ("awk", "bash", "dirname", "flock", "grep", "head", "sed", "sort", "tail", "timeout", "uname"):
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    return str(folder)


@contextmanager
def engine_of_api(version: str, socket: Path) -> Iterator[str]:
    """An engine that says which API it speaks, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("API-Version", version)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self) -> None:
            self._answer(b"")

        def do_GET(self) -> None:
            said = {"Version": "20.10", "ApiVersion": version, "Os": "linux", "Arch": "amd64"}
            self._answer(json.dumps(said).encode())

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with socketserver.ThreadingUnixStreamServer(str(socket), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"unix://{socket}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.engine
@pytest.mark.quiet
def test_a_call_with_a_running_engine_is_silent_and_quick(run: Run) -> None:
    run("engine")
    began = time.monotonic()
    result = run("engine")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert time.monotonic() - began < 2  # 0.15 s on a quiet machine


@pytest.mark.engine
def test_an_installed_engine_is_started_once_by_two_calls_and_outlives_them(machine: Machine) -> None:
    calls = [machine.start(f"{SCRIPTS}/engine") for _ in range(2)]
    outputs = [call.communicate(timeout=100)[0] for call in calls]
    assert [call.returncode for call in calls] == [0, 0], outputs
    assert sorted(outputs) == ["", "starting the Docker engine\n"]
    assert machine.run("pgrep --count --exact dockerd") == (0, "1\n")
    status, output = machine.run("docker info --format '{{.Containers}} {{.Driver}}'")
    assert status == 0
    assert output.startswith("0 ")
    assert machine.run(f"{SCRIPTS}/engine") == (0, "")


@pytest.mark.engine
def test_an_engine_that_does_not_start_is_named_with_its_own_last_words(machine: Machine) -> None:
    machine.run("mount -o remount,ro /var/lib/docker")
    status, output = machine.run(f"{SCRIPTS}/engine")
    assert status == 4
    assert "read-only file system" in output
    assert cause_and_help(output) == ("engine: the Docker engine does not start", "  → see /var/log/dockerd.log")


@pytest.mark.engine
def test_where_nothing_can_be_installed_the_way_to_an_engine_is_told(machine: Machine, without_docker: str) -> None:
    machine.run(
        'echo "ID=gentoo" >/run/os-release; mount --bind /run/os-release "$(readlink -f /etc/os-release)";'
        'mount -t tmpfs tmpfs "$(dirname "$(readlink -f "$(command -v dockerd)")")"'
    )
    machine.run(f"ln -sf $(command -v id) {without_docker}/id")
    status, output = machine.run(f"PATH={without_docker} {SCRIPTS}/engine")
    assert status == 4
    cause, help_ = cause_and_help(output)
    assert cause == "engine: no Docker engine: no docker client is installed"
    assert "https://docs.docker.com/engine/install/" in help_


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_machine_with_nothing_but_debian_gets_an_engine_that_runs_containers(docker: Docker) -> None:
    debian = "run-claude-base/debian:trixie"
    if not docker("images", "-q", debian):  # the base images were pulled, so this one can be, too
        debian = "debian:trixie-slim"
    # Its own network namespace comes with the container; an engine's folder cannot be an overlay.
    machine = ["run", "--rm", "--privileged", "--name", docker.name("machine"), "-v", "/var/lib/docker"]
    tiny = "tar -c -h -P /bin/true $(ldd /bin/true | grep -o '/[^ ]*') | docker import - tiny"
    use = f"{tiny} && docker run --rm tiny /bin/true"
    output = docker(
        *machine,
        "-v",
        f"{SCRIPTS}:/scripts:ro",
        debian,
        "bash",
        "-ec",
        f"/scripts/engine; /scripts/engine; {use}",
        limit=500,
    )
    assert output.splitlines()[:2] == [
        "installing from Debian: docker.io docker-cli docker-compose docker-buildx iptables",
        "starting the Docker engine",
    ]


def test_a_user_without_root_is_told_what_to_do(run: Run, without_docker: str) -> None:
    result = run("engine", PATH=without_docker, DOCKER_HOST="")
    assert result.returncode == 4
    assert result.stdout == ""
    _, help_ = cause_and_help(result.stderr)
    assert "sudo" in help_


@pytest.mark.skipif(not shutil.which("docker"), reason="needs the docker client")
class TestWithTheDockerClient:
    def test_an_engine_elsewhere_is_never_replaced_by_one_here(self, run: Run, tmp_path: Path) -> None:
        host = f"unix://{tmp_path}/nobody.sock"
        result = run("engine", DOCKER_HOST=host)
        assert result.returncode == 4
        cause, help_ = cause_and_help(result.stderr)
        assert host in cause
        assert "DOCKER_HOST" in help_

    def test_an_engine_that_is_too_old_is_named_with_its_api(self, run: Run, tmp_path: Path) -> None:
        with engine_of_api("1.41", tmp_path / "docker.sock") as host:
            result = run("engine", DOCKER_HOST=host)
        assert result.returncode == 4
        cause, _ = cause_and_help(result.stderr)
        assert "API 1.41" in cause
        assert "1.44" in cause

    @pytest.mark.parametrize(("compose", "code"), [("2.17.3", 4), ("v2.19.1", 4), ("2.20.0", 0), ("2.100.0", 0)])
    def test_compose_below_2_20_is_refused(self, run: Run, tmp_path: Path, compose: str, code: int) -> None:
        plugin = json.dumps({"SchemaVersion": "0.1.0", "Vendor": "test", "Version": compose})
        for name in ("docker-compose", "docker-buildx"):
            answer = f"if [ \"$1\" = docker-cli-plugin-metadata ]; then echo '{plugin}'; else echo {compose}; fi"
            executable(tmp_path / "docker/cli-plugins" / name, f"#!/bin/sh\n{answer}\n")
        with engine_of_api("1.45", tmp_path / "docker.sock") as host:
            result = run("engine", DOCKER_HOST=host, DOCKER_CONFIG=str(tmp_path / "docker"))
        assert result.returncode == code, result.stderr
        if code:
            cause, _ = cause_and_help(result.stderr)
            assert compose in cause
        else:
            assert result.stderr == ""


@pytest.mark.parametrize("name", ["engine", "bases"])
def test_a_script_is_executable_and_stops_at_its_first_error(name: str) -> None:
    path = SCRIPTS / name
    assert os.access(path, os.X_OK)
    assert "\nset -euo pipefail\n" in path.read_text()

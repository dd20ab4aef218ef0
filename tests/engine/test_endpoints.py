"""Engines that are not reached by a local unix socket: over TLS, over ssh; and Podman, which answers as Docker."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from run_claude.domain.causes.registry import CAUSES
from tests import runs
from tests.causes.expect import fails
from tests.tls_front import TlsFront

from .instance import Instance, docker, engine_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]

WITHIN = 60.0  # seconds

# Everything that asks an engine, or would change something on it.
COMMANDS = (
    ("proxy", "start"),
    ("proxy", "status"),
    ("proxy", "logs"),
    ("proxy", "stop"),
    ("watch",),
    ("install",),
    ("db", "backup"),
)


def wait_for(what: str, done: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def needs(program: str) -> str:
    """Return the path of a program that `scripts/test` installs."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        assert not os.environ.get("CI"), f"scripts/test installs {program}"
        pytest.skip(f"there is no {program}")
    return found


def refuses_everything(instance: Instance, code: str) -> None:
    """Each command is refused for this cause, and writes nothing."""
    before = sorted(instance.folder.rglob("*"))
    for command in COMMANDS:
        fails(instance, code, *command)
        assert sorted(instance.folder.rglob("*")) == before, command
    instance.run("with", "demo", "--", "true", expect=CAUSES[code].exit_codes[0])
    assert sorted(instance.folder.rglob("*")) == before


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.mark.stand_in
def test_an_engine_of_this_machine_is_used_over_tls_by_variables_and_by_a_context(
    instance: Instance, tmp_path: Path
) -> None:
    with TlsFront(str(engine_socket()), tmp_path / "certificates") as front:
        instance.extra |= front.environ
        instance.start("--no-db")
        assert instance.phase("litellm") == "running healthy"
        assert instance.json("proxy", "status")["endpoint"] == front.host
        assert instance.run("proxy", "logs").stdout
        checks = {row["check"]: row["mark"] for row in instance.json("doctor", expect=None)["findings"]}
        assert (checks["engine"], checks["context"]) == ("ok", "ok")

        for name in front.environ:
            instance.extra[name] = ""
        instance.extra |= {"DOCKER_CONFIG": str(tmp_path / "docker"), "DOCKER_CONTEXT": "secure"}
        files = (f"{name}={front.folder}/{name}.pem" for name in ("ca", "cert", "key"))
        target = f"host={front.host},{','.join(files)}"
        docker("context", "create", "secure", "--docker", target, environ={"DOCKER_CONFIG": str(tmp_path / "docker")})
        watcher = instance.start_command("watch")
        try:
            wait_for("no watcher", lambda: str(watcher.pid) in str(instance.json("proxy", "status")["watcher"]))
            docker("kill", instance.container("litellm"))
            wait_for("litellm is not healed", lambda: instance.phase("litellm") == "running healthy")
            watcher.send_signal(signal.SIGTERM)
            assert "healing: starting litellm" in instance.finish(watcher).stdout
        finally:
            watcher.kill()
        instance.run("proxy", "stop")
        assert instance.phase("litellm") == "exited"


def test_an_engine_whose_certificate_is_anothers_is_refused(instance: Instance, tmp_path: Path) -> None:
    with (
        TlsFront(str(engine_socket()), tmp_path / "one") as front,
        TlsFront(str(engine_socket()), tmp_path / "other") as other,
    ):
        instance.extra |= front.environ | {"DOCKER_CERT_PATH": str(other.folder)}
        assert "certificate verify failed" in fails(instance, "engine-tls", "proxy", "status")["message"]


# --- another machine's, as far as can be seen from here ---------------------------------------------------------------

# run-claude on a machine of another name, with the folders of this one, or without the user's.
# The tests may run in a container themselves, where another name is outside: the command has to think it is in none.
OUTSIDE = """
from run_claude.__main__ import main
from run_claude.stack import fitness
fitness._CONTAINER = "/proc/none"
main()
"""
ELSEWHERE = "hostname elsewhere; {hide} exec {python} -c {outside} doctor --json"


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces want root")
@pytest.mark.parametrize("hides", [False, True], ids=["shares the user's folders", "shares nothing"])
def test_an_engine_of_another_name_is_judged_by_what_it_sees(instance: Instance, hides: bool) -> None:
    hide = f"mount -t tmpfs none {instance.folder};" if hides else ""
    script = ELSEWHERE.format(hide=hide, python=sys.executable, outside=shlex.quote(OUTSIDE))
    done = subprocess.run(
        ["unshare", "--uts", "--mount", "sh", "-ec", script],
        env=instance.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {row["check"]: row for row in json.loads(done.stdout)["findings"]}
    assert found["engine"]["mark"] == ("failed" if hides else "ok"), found["engine"]
    assert found["engine"].get("code") == ("engine-remote" if hides else None)


# --- ssh --------------------------------------------------------------------------------------------------------------


@contextmanager
def sshd(folder: Path) -> Iterator[tuple[int, Path]]:
    """An ssh server of the test's own: yield its port, and a folder whose ``ssh`` knows it and keeps its calls."""
    program, client, port = needs("sshd"), needs("ssh"), runs.free_port()
    folder.mkdir(mode=0o700)
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    (folder / "server").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        "PidFile none\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    (folder / "client").write_text(
        f"IdentityFile {folder}/user\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
    )
    wrapper = folder / "bin" / "ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$*" >> {folder}/calls\nexec {client} -F {folder}/client "$@"\n')
    wrapper.chmod(0o755)
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)  # noqa: PTH103 (as the package's own unit does)
    log = folder / "log"
    with log.open("wb") as file:
        server = subprocess.Popen([program, "-D", "-e", "-f", folder / "server"], stderr=file)
    try:
        wait_for("sshd does not listen", lambda: "Server listening" in log.read_text())
        yield port, wrapper.parent
    finally:
        server.terminate()
        server.wait()


def test_an_engine_over_ssh_is_refused_before_anything_is_sent_or_written(instance: Instance, tmp_path: Path) -> None:
    with sshd(tmp_path / "ssh") as (port, path):
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        host = f"ssh://{user}@127.0.0.1:{port}"
        environ = {"DOCKER_HOST": host, "PATH": f"{path}:{os.environ['PATH']}"}
        assert docker("version", "--format", "{{.Server.Version}}", environ=environ), "the way there is open"
        calls = (tmp_path / "ssh" / "calls").read_text()
        instance.extra |= environ
        refuses_everything(instance, "engine-remote")
        assert (tmp_path / "ssh" / "calls").read_text() == calls

        told = fails(instance, "engine-remote", "proxy", "start")["help"]
        command = shlex.split(told.split("`")[1])
        parsed = subprocess.run([command[0], "-G", *command[1:]], capture_output=True, text=True, check=True).stdout
        for line in (f"user {user}", "hostname 127.0.0.1", f"port {port}"):
            assert line in parsed.splitlines()
        assert f"localforward {instance.port} [127.0.0.1]:{instance.port}" in parsed.splitlines()


# --- Podman -----------------------------------------------------------------------------------------------------------


@contextmanager
def podman(folder: Path) -> Iterator[str]:
    """Podman's service, in a network of its own and with storage of its own: yield its address."""
    program, socket = needs("podman"), folder / "podman.sock"
    options = ("--root", str(folder / "root"), "--runroot", str(folder / "run"), "--storage-driver", "vfs")
    service = [program, *options, "--cgroup-manager", "cgroupfs", "--events-backend", "file", "system", "service"]
    isolated = ["unshare", "--net", "--mount"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*isolated, *service, "--time", "0", f"unix://{socket}"], stderr=log)
    try:
        wait_for("podman does not answer", socket.exists)
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces want root")
def test_podman_is_named_by_every_command_and_nothing_is_written(instance: Instance) -> None:
    with podman(runs.folder("rcp")) as host:
        instance.extra["DOCKER_HOST"] = host
        version = docker("version", "--format", "{{.Server.Version}}", environ={"DOCKER_HOST": host})
        refuses_everything(instance, "engine-podman")
        assert f"Podman {version} answers" in fails(instance, "engine-podman")["message"]
        assert docker("ps", "--all", "--quiet", environ={"DOCKER_HOST": host}) == ""

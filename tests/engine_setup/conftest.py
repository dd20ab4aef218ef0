"""The scripts that set an engine up, run as a user runs them: whole processes, and nothing patched inside."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from tests import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = Path(__file__).parents[2] / "scripts"


class Run(Protocol):
    def __call__(self, *argv: str, **environ: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run() -> Run:
    """Run a script (or a command) with additions to the environment; ``NAME=""`` takes a variable away."""

    def call(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in (os.environ | environ).items() if value}
        script = SCRIPTS / argv[0]
        command = [str(script), *argv[1:]] if script.exists() else list(argv)
        return subprocess.run(command, capture_output=True, text=True, env=env, timeout=300, check=False)

    return call


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine inside this one: namespaces of its own, so that a second engine cannot touch the first."""
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        pytest.skip("needs root and an installed engine")
    inside = Machine()
    yield inside
    inside.end()


class Machine:
    """Namespaces for processes, mounts and network, with an empty /run, /var/log and /var/lib/docker."""

    def __init__(self) -> None:
        mounts = "; ".join(f"mount -t tmpfs tmpfs {path}" for path in ("/run", "/var/log", "/var/lib/docker"))
        setup = f"{mounts}; mount -t proc proc /proc; ip link set lo up; echo ready; exec sleep 600"
        self._holder = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),  # with the tests it ends, however they do
                *("unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-ec", setup),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()
        self._enter = ["nsenter", "--mount", "--pid", "--net", "--target", children[0]]

    def start(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._enter, "bash", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        """Run a command of the shell in there; return its exit code and what it said."""
        process = self.start(command)
        output, _ = process.communicate(timeout=100)
        return process.returncode, output

    def end(self) -> None:
        self._holder.kill()
        self._holder.communicate()


class Docker:
    """The docker client, for one test: what it makes is named after the test's own prefix and removed."""

    def __init__(self, executable: str) -> None:
        self._executable = executable
        self._prefix = runs.name("rc-setup")

    def __call__(self, *argv: str, check: bool = True, limit: float = 60) -> str:
        result = subprocess.run(
            [self._executable, *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=limit,
            check=False,
        )
        assert result.returncode == 0 or not check, f"docker {' '.join(argv)}: {result.stdout}"
        return result.stdout.strip()

    def name(self, what: str) -> str:
        return f"{self._prefix}-{what}"

    def clean(self) -> None:
        for container in self("ps", "-aq", "--filter", f"name={self._prefix}").split():
            self("rm", "-f", "-v", container, check=False)
        for volume in self("volume", "ls", "-q", "--filter", f"name={self._prefix}").split():
            self("volume", "rm", volume, check=False)


@pytest.fixture
def docker() -> Iterator[Docker]:
    client = Docker(shutil.which("docker") or "docker")
    yield client
    client.clean()

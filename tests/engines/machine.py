"""A machine with an engine of its own: a privileged container of Debian's next release, with run-claude in it.

Newer than the engine that all other tests use, with a client, Compose and Python as new, and nothing shared with it but
the kernel: what a test does to it, it does to nobody else. It goes with its container, which has a name of the run's.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from tests import planted, runs
from tests.docker_api import DockerApi
from tests.engine.instance import Instance, docker

from .product import FOLDER

__all__ = ["CONTAINERD", "NEWEST", "ONE_ARCHIVE", "REMAPPED", "ROOTLESS", "Engine", "Machine", "Resident"]

# On one worker: what is carried to a machine is packed once for each, which takes 4 s of CPU.
ONE_ARCHIVE = pytest.mark.xdist_group("tests/engines")
_IMAGES = ("RUN_CLAUDE_PYTHON_IMAGE", "RUN_CLAUDE_TIMESCALEDB_IMAGE")
_CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_NETWORK = re.compile(r"(?:UV|PIP|NPM_CONFIG)_\w+|\w+_proxy", re.IGNORECASE)
_ARCHIVE = "/images.tar"  # on the machine: the images that it has, as `docker save` writes them
_WITHIN = 120  # seconds for an engine to answer, and for an image to be carried over


@dataclass(frozen=True)
class Engine:
    """How the machine's engine is started.

    :param command: what becomes of the machine's first process, in a shell
    :param user: who runs run-claude
    :param home: that user's
    :param socket: where the engine's API is
    :param volume: where the engine keeps its data
    """

    command: str
    user: str = "root"
    home: str = "/root"
    socket: str = "/run/docker.sock"
    volume: str = "/var/lib/docker"


# cgroup v2 lets no group have both processes and groups with limits: those that are here make room for the containers'.
_MAKE_ROOM = (
    "if cd /sys/fs/cgroup && [ -e cgroup.controllers ]; then mkdir -p machine;"
    " while read -r pid; do echo $pid >machine/cgroup.procs || true; done <cgroup.procs;"
    " for name in $(cat cgroup.controllers); do echo +$name >cgroup.subtree_control; done; fi; cd /; "
)

NEWEST = Engine("exec dockerd")
CONTAINERD = Engine("exec dockerd --feature containerd-snapshotter")
REMAPPED = Engine("exec dockerd --userns-remap=default")
ROOTLESS = Engine(
    "chmod 666 /dev/net/tun; install -d -m 700 -o ada -g ada /run/user/1000;"
    " exec setpriv --reuid ada --regid ada --init-groups"
    " env HOME=/home/ada USER=ada XDG_RUNTIME_DIR=/run/user/1000 /usr/share/docker.io/contrib/dockerd-rootless.sh",
    user="ada",
    home="/home/ada",
    socket="/run/user/1000/docker.sock",
    volume="/home/ada/.local/share/docker",
)


class Machine:
    """A machine with a running engine. Use as a context manager; nothing is left of it."""

    def __init__(self, engine: Engine, product: Path, images: Path) -> None:
        self.engine, self._product, self._images = engine, product, images
        self.name = runs.name("rcm")
        self.api: DockerApi  #: the engine's API, reached from outside: by the folders of the machine's first process

    def __enter__(self) -> Self:
        image = os.environ.get("RUN_CLAUDE_MACHINE_IMAGE")
        if not image:
            give_up = pytest.fail if os.environ.get("CI") else pytest.skip
            give_up('no machine: for line in $(scripts/bases --machine); do export "$line"; done')
        try:
            shell = ("sh", "-ec", _MAKE_ROOM + self.engine.command)
            docker(
                *("create", "--privileged", "--init", "--name", self.name, "--hostname", self.name),
                *("--tmpfs", "/run:exec,mode=755", "--volume", self.engine.volume),
                *("--volume", f"{self._images}:{_ARCHIVE}:ro", image, *shell),
            )
            with self._product.open("rb") as archive:
                subprocess.run(["docker", "cp", "-", f"{self.name}:/"], stdin=archive, check=True, timeout=_WITHIN)
            self._boot()
            self.run("docker", "load", "--quiet", "--input", _ARCHIVE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        docker("rm", "--force", "--volumes", self.name, check=False)

    def reboot(self) -> None:
        """Shut it down as a system does, its engine first, and start it again."""
        docker("stop", "--time", str(_WITHIN), self.name)
        self._boot()

    def _boot(self) -> None:
        docker("start", self.name)
        init = Path("/proc", docker("inspect", "--format", "{{.State.Pid}}", self.name))
        self.api = DockerApi({"DOCKER_HOST": f"unix://{init}/root{self.engine.socket}"})
        end = time.monotonic() + _WITHIN - 10
        while not self._answers():
            assert time.monotonic() < end and init.exists(), self._log()
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            return bool(self.api.text("/_ping"))
        except AssertionError:
            return False

    def _log(self) -> str:
        """Return the last lines of the engine's log, which a container's process writes to both streams."""
        command = ["docker", "logs", "--tail", "40", self.name]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_WITHIN, check=False)
        return f"the engine does not answer within {_WITHIN - 10} s; its log:\n{done.stdout.decode(errors='replace')}"

    def receive(self, file: Path, path: str) -> None:
        """Copy a file to a path of this machine's."""
        docker("cp", "--follow-link", str(file), f"{self.name}:{path}")

    @property
    def enter(self) -> tuple[str, ...]:
        """What a command begins with that runs here, as the user."""
        machine = self.engine
        variables = {"HOME": machine.home, "DOCKER_HOST": f"unix://{machine.socket}"}
        options = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
        return ("docker", "exec", "-i", "--user", machine.user, "--workdir", machine.home, *options, self.name)

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command here, as the user."""
        done = subprocess.run(
            [*self.enter, *argv], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_WITHIN, check=False
        )
        assert done.returncode == 0 or not check, done.stderr
        return done

    def info(self) -> dict[str, Any]:
        """Return what the engine says of itself."""
        told: dict[str, Any] = self.api.get("/info")
        return told


class Resident(Instance):
    """A stack on a machine, which it goes with. Each command runs there, in that machine's Python.

    Its folder is one of the machine's: nothing here has that path.
    """

    def __init__(self, machine: Machine) -> None:
        name = runs.name("rct")
        super().__init__(Path(machine.engine.home, name), name=name)
        self.machine = machine
        self._secrets: list[str] = []
        self.extra |= {name: os.environ[name] for name in _IMAGES}
        self.extra |= {
            "PYTHONPATH": f"{FOLDER}:{FOLDER}/packages",
            "PYTHONPYCACHEPREFIX": f"{self.folder}/.cache/python",
        }
        machine.run("mkdir", str(self.folder))

    def trust_what_is_trusted_here(self) -> None:
        """Let what is built there reach the package index as what is built here: a company's network needs it."""
        bundle = Path(os.environ.get("SSL_CERT_FILE", _CA_BUNDLE))
        if bundle.is_file():
            self.machine.receive(bundle, _CA_BUNDLE)
        self.extra |= {name: value for name, value in os.environ.items() if _NETWORK.fullmatch(name)}

    def start_command(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start a command on the machine and return the process that waits for it."""
        # What is the stack's own, also where it is the same here: a variable of the tests' own environment.
        ours = ("RUN_CLAUDE_", "LITELLM_")
        differs = {
            name: value
            for name, value in self.environment.items()
            if name.startswith(ours) or os.environ.get(name) != value
        }
        given = differs | self.extra
        home = given.pop("HOME")  # the machine's; here it would be the docker client's
        # By their names: a command line is for everybody to read.
        options = [part for name in given for part in ("--env", name)]
        *enter, machine = self.machine.enter
        return subprocess.Popen(
            [*enter, *options, "--env", f"HOME={home}", machine, "python3", "-m", "run_claude", *arguments],
            env={**os.environ, **given},
            text=True,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def ended(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, there."""
        return self.finish(self.start_command(*arguments))

    def terminate(self, process: subprocess.Popen[str]) -> None:
        """Send SIGTERM to a command that was started: to itself, for docker would not pass it on."""
        assert isinstance(process.args, list)
        command = process.args[process.args.index(self.machine.name) + 1 :]
        self.machine.run("pkill", "-TERM", "--full", "--exact", " ".join(command))

    @property
    def api(self) -> DockerApi:
        """The API of the machine's engine."""
        return self.machine.api

    def docker(self, *arguments: str, check: bool = True) -> str:
        """Run the docker command on the machine and return its standard output."""
        return self.machine.run("docker", *arguments, check=check).stdout.strip()

    def secrets(self) -> list[str]:
        """Return the values that may never show."""
        if not self._secrets:
            lines = self.machine.run("cat", f"{self.config}/.env", check=False).stdout
            self._secrets = self.secrets_of(lines)
        return self._secrets

    def remove(self) -> None:
        """Look for secrets; all else goes with the machine."""
        planted.check_containers(self.name, self.api)

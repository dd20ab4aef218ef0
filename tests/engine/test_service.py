"""`watch install` on a machine that systemd runs: it starts, it is there after the next login, and it stops.

The machine is a container in which systemd is process 1, with a plain user who reaches the engine. A login is one of
`su`, which opens a session of logind's as any other does.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import runs
from tests.engines.product import FOLDER, pack
from tests.unit.watch.test_service_units import NAMES

from .instance import Instance, docker, engine_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PYTHON = "/usr/bin/python3"
SOCKET = "/run/docker.sock"  # in the machine
WITHIN = 60.0  # seconds

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.slow(45), pytest.mark.timeout(300)]


# Runs in the machine: a program in a folder of each name, with that name as an argument and as a setting.
READ_BY_SYSTEMD = """
import json, subprocess, sys
from pathlib import Path
from run_claude.watch.service_units import Service, Systemd

units = []
for number, name in enumerate(json.loads(sys.argv[1])):
    program = Path("/opt/named", name, "program")
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable}\\n"
        "import json, os, sys\\n"
        "with open(f'/run/read-{sys.argv[2]}', 'w') as file:\\n"
        "    json.dump([*sys.argv[:2], os.environ['RUN_CLAUDE_HOME']], file)\\n")
    program.chmod(0o755)
    service = Service("x", (str(program), name, str(number)), {"RUN_CLAUDE_HOME": name})
    text = Systemd(Path("/"), {}).render(service).replace("[Service]", "[Service]\\nType=oneshot")
    units.append(f"named-{number}.service")
    Path("/run/systemd/system", units[-1]).write_text(text)
subprocess.run(["systemctl", "daemon-reload"], check=True)
subprocess.run(["systemctl", "start", *units], check=True)
print(json.dumps([json.loads(Path(f"/run/read-{number}").read_text()) for number in range(len(units))]))
"""

# As root, who may write next to the modules: without bytecode each command of the user's compiles what it imports.
IMPORT_ALL = """
import pkgutil, run_claude
for module in pkgutil.walk_packages(run_claude.__path__, "run_claude."):
    module.name.endswith("__main__") or __import__(module.name)
"""


def wait_for(what: str, done: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.2)


@dataclass
class Guest(Instance):
    """The stack of the machine's user, whose commands run in sessions of that user."""

    machine: str = field(default_factory=lambda: runs.name("rct"))

    def start_command(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        settings = {
            "RUN_CLAUDE_HOME": str(self.config),
            "RUN_CLAUDE_STATE": str(self.folder / "state"),
            "RUN_CLAUDE_INSTANCE": self.name,
            "LITELLM_PORT": str(self.port),
            "RUN_CLAUDE_PRISMA": "off",
            **self.extra,
        }
        command = [
            "env",
            *(f"{name}={value}" for name, value in settings.items()),
            PYTHON,
            "-m",
            "run_claude",
            *arguments,
        ]
        return subprocess.Popen(
            ["docker", "exec", self.machine, "su", "-", "person", "-c", shlex.join(command)],
            text=True,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def ended(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, there."""
        return self.finish(self.start_command(*arguments))

    def as_root(self, *command: str, check: bool = True) -> str:
        return docker("exec", self.machine, *command, check=check)

    def user_manager_runs(self) -> bool:
        return self.as_root("systemctl", "is-active", f"user@{uid()}.service", check=False) == "active"

    def watcher(self) -> str:
        """Return who watches; nobody is an empty text. To ask is to log in."""
        return str(self.json("watch", "status", expect=None)["watcher"] or "")

    def processes(self) -> list[str]:
        """Return the watchers' process ids, without logging in."""
        return self.as_root("pgrep", "-f", f"run_claude --instance {self.name} watch", check=False).split()


def uid() -> int:
    """Return a plain user's id: that of who runs the tests, so that the files are theirs; for root another."""
    return os.getuid() or 4321


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    name = f"rct-machine:{runs.name('build')}"
    machine = os.environ.get("RUN_CLAUDE_MACHINE_IMAGE")
    assert machine, 'for line in $(scripts/bases --machine); do export "$line"; done'
    base = f"RUN_CLAUDE_MACHINE_IMAGE={machine}"
    docker("build", "--quiet", "--tag", name, "--build-arg", base, str(Path(__file__).parent / "machine"))
    yield name
    docker("image", "rm", "--force", name, check=False)


@pytest.fixture(scope="module")
def guest(image: str, stand_in_release: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    folder = (
        tmp_path_factory.mktemp("user") / "it's mine"
    )  # no % in it: Compose 2.40 takes its folder for part of a URL
    folder.mkdir()
    os.chown(folder, uid(), -1)
    product = folder.with_name("run-claude.tar")
    pack(product, stand_in_release)
    bases = {name: os.environ[name] for name in ("RUN_CLAUDE_PYTHON_IMAGE", "RUN_CLAUDE_TIMESCALEDB_IMAGE")}
    stack, engine = Guest(folder, extra=bases), engine_socket()
    docker(
        *("create", "--name", stack.machine, "--network", "host", "--cgroupns", "private", "--cap-add", "SYS_ADMIN"),
        *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
        *("--tmpfs", "/run", "--tmpfs", "/tmp:mode=1777", "--volume", f"{engine}:{SOCKET}"),
        *("--volume", f"{folder}:{folder}", image, str(uid()), str(engine.stat().st_gid)),
        *(FOLDER, f"{FOLDER}/packages"),
    )
    try:
        with product.open("rb") as archive:
            subprocess.run(["docker", "cp", "-", f"{stack.machine}:/"], stdin=archive, check=True, timeout=120)
        docker("start", stack.machine)
        booted = ("running", "degraded")
        wait_for("systemd is not up", lambda: stack.as_root("systemctl", "is-system-running", check=False) in booted)
        stack.as_root(PYTHON, "-c", IMPORT_ALL)
        stack.start("--no-db")
        yield stack
    finally:
        docker("rm", "--force", "--volumes", stack.machine, check=False)
        stack.remove()


@pytest.fixture
def lingering(guest: Guest) -> Iterator[None]:
    guest.as_root("loginctl", "enable-linger", "person")
    yield
    guest.as_root("loginctl", "disable-linger", "person")
    wait_for("the user manager does not end", lambda: not guest.user_manager_runs())


@pytest.mark.usefixtures("lingering")
def test_it_starts_heals_outlives_all_sessions_and_stops(guest: Guest) -> None:
    installed = guest.json("watch", "install")["installed"]
    assert installed == f"/home/person/.config/systemd/user/run-claude-watch-{guest.name}.service"
    wait_for("no watcher", lambda: len(guest.processes()) == 1)
    (process,) = guest.processes()
    wait_for("the watcher is not ready", lambda: process in guest.watcher())
    docker("kill", guest.container("litellm"))
    wait_for("it does not heal", lambda: guest.phase("litellm") == "running healthy")

    for session in guest.as_root("loginctl", "--no-legend", "list-sessions").splitlines():
        guest.as_root("loginctl", "terminate-session", session.split()[0], check=False)
    assert guest.processes() == [process]
    assert guest.json("watch", "status")["installed"] == installed

    assert guest.json("watch", "uninstall")["removed"] == installed
    wait_for("the watcher goes on", lambda: not guest.processes())
    assert guest.watcher() == ""
    assert guest.as_root("find", "/home/person/.config/systemd", "-name", "*run-claude*") == ""


@pytest.mark.usefixtures("lingering")
@pytest.mark.parametrize("moved", ["XDG_CONFIG_HOME", "HOME"])
def test_a_shells_own_folders_are_the_services_and_an_engine_that_never_fits_ends_it(
    guest: Guest, moved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user manager looks neither below the shell's XDG_CONFIG_HOME nor below its HOME."""
    monkeypatch.setattr(guest, "extra", {**guest.extra, moved: f"{guest.folder}/{moved}"})
    installed = Path(guest.json("watch", "install")["installed"])
    assert installed.is_relative_to(guest.folder / moved)
    wait_for("no watcher", lambda: len(guest.processes()) == 1)
    wait_for("the watcher is not ready", lambda: guest.processes()[0] in guest.watcher())

    override = Path(f"/home/person/.config/systemd/user/{installed.name}.d/elsewhere.conf")
    setting = "[Service]\nEnvironment=DOCKER_HOST=ssh://elsewhere\n"
    guest.as_root("install", "-D", "-m", "644", "/dev/null", str(override))
    guest.as_root("sh", "-c", 'printf %s "$1" >"$2"', "sh", setting, str(override))
    as_person = ("su", "-", "person", "-c")
    guest.as_root(*as_person, f"systemctl --user daemon-reload; systemctl --user restart {installed.name}")
    show = f"systemctl --user show -P ActiveState -P ExecMainStatus -P NRestarts {installed.name}"
    wait_for("it does not end", lambda: sorted(guest.as_root(*as_person, show).split()) == ["0", "78", "failed"])
    guest.as_root("rm", "-r", str(override.parent))

    guest.run("watch", "uninstall")
    assert not installed.exists()
    assert guest.as_root("find", "/home/person/.config/systemd", "-name", "*run-claude*") == ""


def test_without_lingering_it_ends_with_the_last_session_and_comes_back_with_the_next(guest: Guest) -> None:
    said = guest.run("watch", "install").stdout
    assert "sudo loginctl enable-linger person" in said
    wait_for("it goes on", lambda: not guest.processes() and not guest.user_manager_runs())
    login = ["docker", "exec", "--interactive", guest.machine, "su", "-", "person", "-c", "cat"]
    with subprocess.Popen(login, stdin=subprocess.PIPE):  # with the end of this block cat's input ends
        wait_for("it does not come back", lambda: len(guest.processes()) == 1)
        (process,) = guest.processes()
        wait_for("the watcher is not ready", lambda: process in guest.watcher())
        guest.run("watch", "uninstall")
        wait_for("the watcher goes on", lambda: not guest.processes())


@pytest.mark.cause("no-user-manager")
def test_who_has_not_logged_in_is_told_that_no_user_manager_runs(guest: Guest) -> None:
    printed = guest.as_root(PYTHON, "-m", "run_claude", "watch", "install", "--json", check=False)
    error = json.loads(printed)["error"]
    assert error["code"] == "no-user-manager"
    assert "loginctl enable-linger root" in error["help"]


def test_systemd_reads_every_path_as_it_was_written(guest: Guest) -> None:
    read: list[Any] = json.loads(guest.as_root(PYTHON, "-c", READ_BY_SYSTEMD, json.dumps(NAMES)))
    assert read == [[f"/opt/named/{name}/program", name, name] for name in NAMES]

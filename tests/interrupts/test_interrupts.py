"""Ctrl-C and SIGTERM at any moment: the command ends, nothing of it stays, and the next one goes on from there.

``RUN_CLAUDE_TEST_INTERRUPTS=50`` interrupts fifty times; the suite does it less often. The moments come from a seed,
``RUN_CLAUDE_TEST_SEED``, which a failure names.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.instance import Instance, docker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.engine, pytest.mark.slow(20), pytest.mark.timeout(1800)]

TIMES = int(os.environ.get("RUN_CLAUDE_TEST_INTERRUPTS", "6"))
SEED = int(os.environ.get("RUN_CLAUDE_TEST_SEED", "20261123"))
WITHIN = 2.0  # seconds, on a machine that has nothing else to do
CEILING = 8.0  # on one that has
ENDED = {0, 130, 143, -signal.SIGINT, -signal.SIGTERM}  # a signal before Python has begun ends it as it ends anything


def processes_of(instance: Instance) -> list[str]:
    """Return the command lines of everything that runs in the environment of the instance's user."""
    mark, found = f"HOME={instance.folder}\0".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes() + b"\0" and (line := (folder / "cmdline").read_bytes()):
                found.append(line.replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has ended
    return found


def begin(instance: Instance, *arguments: str) -> subprocess.Popen[str]:
    """Start a command as a shell does: in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "run_claude", *arguments],
        env=instance.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def interrupt(instance: Instance, command: subprocess.Popen[str], how: str) -> tuple[float, int, str]:
    """Send the signal; return how long the end took, the exit code and what was printed."""
    began = time.monotonic()
    try:
        if how == "terminal":
            os.killpg(command.pid, signal.SIGINT)  # Ctrl-C goes to the whole group
        else:
            os.kill(command.pid, signal.SIGINT if how == "int" else signal.SIGTERM)
    except ProcessLookupError:
        pass
    command.wait(timeout=CEILING)
    took = time.monotonic() - began
    out, err = command.communicate()
    if "Traceback" in err and "/run_claude/" not in err:  # before our first line it ends as Python ends
        return took, -signal.SIGINT, ""
    done = instance.judge(command, out, err)
    assert processes_of(instance) == []
    return took, done.returncode, done.stdout + done.stderr


def half_made(instance: Instance) -> list[str]:
    """Return the temporary files that a write has left."""
    return [str(path) for path in instance.folder.rglob("*.tmp")]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory, stand_in_release: dict[str, str]) -> Iterator[Instance]:
    """A stack that has run: its database is made. Whether it runs is not known."""
    instance = Instance(tmp_path_factory.mktemp("used") / "user", release=stand_in_release)
    instance.folder.mkdir()
    try:
        instance.run("install")
        instance.run("proxy", "start")
        yield instance
    finally:
        instance.remove()
    assert not instance.left_over()


def without_containers(instance: Instance) -> None:
    """Remove the containers. `proxy stop --all`, which removes network and files too, takes ten times the CPU."""
    for service in ("litellm", "timescaledb"):
        until = time.monotonic() + 30
        while instance.phase(service) != "absent":  # what was interrupted may be removing it
            instance.api.delete(f"/containers/{instance.container(service)}", force="1")
            assert time.monotonic() < until


def stopped(instance: Instance) -> None:
    """Stop all, as a user does: a start then makes the network anew, fills the volumes and delivers the secrets."""
    instance.run("proxy", "stop", "--all")


@pytest.mark.stand_in
def test_random_interrupts_of_start_and_stop_leave_nothing_that_a_start_cannot_mend(used: Instance) -> None:
    instance, chance = used, random.Random(SEED)  # noqa: S311
    instance.run("proxy", "start")
    durations = {}
    for name, once in (("stop", ("proxy", "stop", "--all")), ("start", ("proxy", "start"))):
        began = time.monotonic()
        done = instance.finish(instance.start_command(*once))  # a Python of its own, as what is interrupted
        assert done.returncode == 0, done.stderr
        durations[name] = time.monotonic() - began
    slowest, ways = 0.0, cycle([stopped, without_containers])
    for number in range(TIMES):
        name = chance.choice(["start", "start", "stop"])
        arguments = {
            "start": ["proxy", "start"],
            "stop": chance.choice([["proxy", "stop"], ["proxy", "stop", "--with-db"], ["proxy", "stop", "--all"]]),
        }[name]
        if name == "start" and chance.random() < 0.7:
            next(ways)(instance)
        moment, how = chance.uniform(0, durations[name]), chance.choice(["terminal", "int", "term"])
        what = f"seed {SEED}, number {number}: {' '.join(arguments)}, {how} after {moment:.2f} s"
        command = begin(instance, *arguments)
        time.sleep(moment)
        ending, code, printed = interrupt(instance, command, how)
        slowest = max(slowest, ending)
        assert code in ENDED, f"{what}: exit {code}\n{printed}"
        assert "Traceback" not in printed, f"{what}\n{printed}"
        instance.run("proxy", "start")
        assert instance.phase("litellm") == "running healthy", what
        assert instance.phase("timescaledb") == "running healthy", what
        assert half_made(instance) == [], what
    print(f"{TIMES} interrupts, the slowest end after {slowest:.2f} s (wanted: {WITHIN:g} s)")
    instance.run("proxy", "stop", "--all")
    assert sorted(instance.left_over()) == [f"{instance.name}-litellm-logs", f"{instance.name}-timescaledb-data"]


@pytest.mark.stand_in
def test_random_interrupts_of_install_leave_what_the_next_one_completes(instance: Instance) -> None:
    chance = random.Random(SEED)  # noqa: S311
    began = time.monotonic()
    instance.finish(instance.start_command("install", "--no-build"))
    duration = time.monotonic() - began
    for number in range(TIMES):
        kept = instance.secrets() if chance.random() < 0.5 else []
        shutil.rmtree(instance.services if kept else instance.config, ignore_errors=True)
        moment, how = chance.uniform(0, duration), chance.choice(["terminal", "int", "term"])
        what = f"seed {SEED}, number {number}: install, {how} after {moment:.2f} s"
        command = begin(instance, "install", "--no-build")
        time.sleep(moment)
        _, code, printed = interrupt(instance, command, how)
        assert code in ENDED, f"{what}: exit {code}\n{printed}"
        assert "Traceback" not in printed, f"{what}\n{printed}"
        instance.run("install", "--no-build")
        assert len(instance.secrets()) == 4, what
        assert not kept or instance.secrets() == kept, what
        assert (instance.services / "docker-compose.yaml").is_file(), what
        assert half_made(instance) == [], what


@pytest.mark.parametrize("how", ["terminal", "term"])
def test_an_interrupted_build_takes_buildx_with_it(instance: Instance, how: str) -> None:
    command = begin(instance, "-v", "proxy", "build", "--no-cache")
    assert command.stderr is not None
    for line in command.stderr:
        if line.lstrip().startswith("#5"):
            break
    _, code, printed = interrupt(instance, command, how)
    assert code == (143 if how == "term" else 130), printed
    assert "Traceback" not in printed


@pytest.mark.quiet
@pytest.mark.stand_in
def test_a_second_ctrl_c_forces_the_end_and_takes_the_children_with_it(instance: Instance, tmp_path: Path) -> None:
    # A docker that ends by nothing but SIGKILL stands in for one that hangs.
    fake = tmp_path / "bin"
    fake.mkdir()
    real = docker_path()
    (fake / "docker").write_text(
        "#!/usr/bin/env python3\nimport os, signal, sys, time\n"
        "if 'up' not in sys.argv:\n"
        f"    os.execv({real!r}, ['docker', *sys.argv[1:]])\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open(os.environ['HOME'] + '/hangs', 'w').close()\n"
        "time.sleep(60)\n"
    )
    (fake / "docker").chmod(0o755)
    instance.run("install")
    instance.extra["PATH"] = f"{fake}:{os.environ['PATH']}"
    command = begin(instance, "proxy", "start")
    until = time.monotonic() + 30
    while not (instance.folder / "hangs").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(command.pid, signal.SIGINT)
    time.sleep(0.2)
    began = time.monotonic()
    os.kill(command.pid, signal.SIGINT)
    assert command.wait(timeout=CEILING) == 130
    assert time.monotonic() - began < 1.2, "the first one would have waited longer for docker"
    instance.finish(command)
    assert processes_of(instance) == []


def docker_path() -> str:
    found = shutil.which("docker")
    assert found
    return found


@pytest.mark.stand_in
@pytest.mark.cause("busy")
def test_a_second_command_waits_says_for_whom_and_gives_up_at_its_limit(used: Instance) -> None:
    instance = used
    without_containers(instance)
    first = begin(instance, "proxy", "start")
    lock = instance.folder / "state" / "instances" / instance.name / "lock"
    until = time.monotonic() + 30
    while not (lock.exists() and "proxy start" in lock.read_text()):
        assert time.monotonic() < until
        time.sleep(0.005)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        instance.extra["RUN_CLAUDE_LOCK_TIMEOUT"] = "0.5"
        refused = instance.run("proxy", "stop", expect=9)
        assert f"run-claude proxy start (pid {first.pid})" in refused.stderr
        instance.extra["RUN_CLAUDE_LOCK_TIMEOUT"] = "60"
        second = begin(instance, "proxy", "stop")
        assert second.stderr is not None
        assert f"Waiting for run-claude proxy start (pid {first.pid})" in second.stderr.readline()
    finally:
        instance.extra.pop("RUN_CLAUDE_LOCK_TIMEOUT", None)
        os.kill(first.pid, signal.SIGCONT)
    assert instance.finish(first).returncode == 0
    assert instance.finish(second).returncode == 0
    assert instance.phase("litellm") == "exited"
    assert docker("ps", "-q", "--filter", f"name={instance.name}-litellm") == ""

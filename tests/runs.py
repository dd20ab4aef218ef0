"""Runs of the tests: what each may call its own, and what is left of those that were killed.

Any number of runs share a machine and an engine: of one clone, of several, beside the user's own stack. So nothing
that a test makes has a fixed name. Names carry the token of their run, ports are claimed, and both claims are locks
that the kernel releases however a run ends: the next run removes what belongs to no living one, and nothing else.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["VARIABLE", "begin", "end", "folder", "free_port", "name", "remove_leftovers", "token"]

VARIABLE = "RUN_CLAUDE_TEST_RUN"  # in the environment of every process of a run: the workers', and what tests start
_CLAIMS = Path("/var/tmp") / f"run-claude-tests-{os.getuid()}"
# Below the ports that the kernel gives to whoever asks for any: a claimed one can be in nobody's way.
_PORTS = range(20000, 32000)
_ENGINE_WITHIN = 60  # seconds
_FOLDERS = {Path(tempfile.gettempdir()), Path("/tmp")}  # that of `scripts/test --fast` is in memory, and tidied there

_held: list[int] = []  # descriptors of locks; open until this process ends


def begin() -> bool:
    """Begin a run, and return that this process has; not so if it belongs to one: a worker, or a pytest in a test."""
    if VARIABLE in os.environ:
        return False
    os.environ[VARIABLE] = secrets.token_hex(3)
    assert _claimed(_CLAIMS / "runs" / token())
    return True


def token() -> str:
    """Return what stands in the names of this run."""
    return os.environ[VARIABLE]


def name(kind: str) -> str:
    """Return a name that nobody else has: `rct-4f0a6b-21d9c8` for the kind `rct`."""
    return f"{kind}-{token()}-{secrets.token_hex(3)}"


def folder(kind: str) -> Path:
    """Make a folder with a short path, as sockets and daemons need it; who asks removes it."""
    return Path(tempfile.mkdtemp(prefix=f"{kind}-{token()}-"))


def free_port() -> int:
    """Return a free port of loopback that no other test gets for as long as this process lives."""
    first = secrets.choice(_PORTS)
    for port in (*range(first, _PORTS.stop), *range(_PORTS.start, first)):
        if _claimed(_CLAIMS / "ports" / str(port)) and _bindable(port):
            return int(port)
    raise AssertionError("no port is free")


def end() -> list[str]:
    """End the run that this process has begun; return what its tests have left, removed now."""
    left = _remove(token())
    (_CLAIMS / "runs" / token()).unlink(missing_ok=True)
    return left


def remove_leftovers() -> list[str]:
    """Remove what runs have left that were killed; return what it was."""
    removed = []
    for claim in sorted((_CLAIMS / "runs").glob("*")):
        if claim.name != token() and _claimed(claim):
            removed += _remove(claim.name)
            claim.unlink(missing_ok=True)
    return removed


def _remove(run: str) -> list[str]:
    found = [f"process {line}" for line in _kill(run)]
    mark = re.compile(rf"(?:^|[-:]){run}-")
    for kind, listing in _LISTINGS.items():
        left = [row for row in _docker(*listing).split() if mark.search(row)]
        found += [f"{kind} {row}" for row in left]
        for row in left:
            _docker(kind, "rm", "--force", *(["--volumes"] if kind == "container" else []), row)
    for path in (path for folder in _FOLDERS for path in folder.glob(f"*-{run}-*")):
        for device in _output("losetup", "--noheadings", "--output", "NAME,BACK-FILE").splitlines():
            if f" {path}/" in device:
                _output("losetup", "--detach", device.split()[0])
        shutil.rmtree(path, ignore_errors=True)
        found.append(f"folder {path}")
    return found


_LISTINGS = {
    "container": ("ps", "--all", "--format", "{{.Names}}"),
    "volume": ("volume", "ls", "--format", "{{.Name}}"),
    "network": ("network", "ls", "--format", "{{.Name}}"),
    "image": ("image", "ls", "--format", "{{.Repository}}:{{.Tag}}"),
}


def _kill(run: str) -> list[str]:
    """Kill what still runs with the run's token in its environment, this process and its ancestors excepted."""
    mark, found, spared = f"{VARIABLE}={run}".encode(), [], {os.getpid(), os.getppid()}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(process.name) in spared or mark not in (process / "environ").read_bytes().split(b"\0"):
                continue
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            os.kill(int(process.name), signal.SIGKILL)
            if line:
                found.append(line)
    return found


def _docker(*arguments: str) -> str:
    return _output("docker", *arguments)


def _output(*command: str) -> str:
    """Return what a command prints; nothing where there is no such command, or no engine."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_ENGINE_WITHIN, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _claimed(path: Path) -> bool:
    """Lock a file for this process's life; no other process can until then."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _held.append(descriptor)
    return True


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

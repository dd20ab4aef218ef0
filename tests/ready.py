"""Commands of ours without the start of Python: each is forked from a process that has imported run-claude.

Of the 0.26 s of CPU that `proxy status` takes, 0.23 s are Python's start and the imports. What is forked is a whole
process nevertheless: its arguments, environment, folder, streams, signals and end are its own, and it runs what
`python -m run_claude` runs. Only its line in the list of processes is not: who has to see that, who sends a signal, or
sits at a terminal, starts a command as everybody does.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["close", "run"]

# What Python itself, or a module while it is imported, makes of the environment: another process for each.
_AT_THE_START = ("PYTHON", "LANG", "LC_")
_LARGEST = 200_000  # bytes of a request
# What commands import when they come to it.
_LATER = ("aiodocker", "httpx", "h11", "rich.live", "rich.table", "yaml", "concurrent.futures.thread", "asyncio")


# --- in the tests -----------------------------------------------------------------------------------------------------


class _Ready:
    """A process that has imported run-claude; it forks one command at a time."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                env={name: value for name, value in environ.items() if name != "HOME"},  # it is no process of that user
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def run(self, request: Mapping[str, Any], within: float) -> tuple[int, str, str]:
        """Run a command and return its exit code and what it printed; one that hangs is killed, and an error."""
        with open(os.devnull) as null, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:  # noqa: PTH123
            streams = [file.fileno() for file in (null, out, err)]
            self._door.settimeout(within)
            socket.send_fds(self._door, [json.dumps(request).encode()], streams)
            pid = int(self._door.recv(_LARGEST))
            try:
                code, hangs = int(self._door.recv(_LARGEST)), False
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                code, hangs = int(self._door.recv(_LARGEST)), True
            for file in (out, err):
                file.seek(0)
            printed, said = (file.read().decode(errors="backslashreplace") for file in (out, err))
        assert not hangs, f"hangs:\n{printed}\n{said}"
        return code, printed, said

    def close(self) -> None:
        self._door.close()
        self._process.wait()


_idle: dict[tuple[tuple[str, str], ...], list[_Ready]] = {}


def run(
    arguments: tuple[str, ...],
    environ: Mapping[str, str],
    *,
    module: str = "run_claude",
    cwd: Path | None = None,
    within: float,
) -> tuple[int, str, str]:
    """Run a command line of run-claude, or of a module of it, in an environment.

    Return its exit code, stdout and stderr. One that takes longer than `within` seconds is killed, and fails the test.
    """
    kind = tuple(sorted(row for row in environ.items() if row[0].startswith(_AT_THE_START)))
    waiting = _idle.setdefault(kind, [])
    process = waiting.pop() if waiting else _Ready(environ)
    request = {"module": module, "arguments": arguments, "environ": dict(environ), "cwd": str(cwd or Path.cwd())}
    try:
        return process.run(request, within)
    finally:
        waiting.append(process)


def close() -> None:
    """End the processes that wait for commands."""
    for processes in _idle.values():
        for process in processes:
            process.close()
    _idle.clear()


# --- in the process that waits for commands ---------------------------------------------------------------------------


def _import() -> None:
    import run_claude

    for module in pkgutil.walk_packages(run_claude.__path__, "run_claude."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in _LATER:
        importlib.import_module(name)


def _serve(door: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork a process for each request and tell its number and its end; return in that process, with the request."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests and the command
    while True:
        data, descriptors, *_ = socket.recv_fds(door, _LARGEST, 3)
        if not data:
            os._exit(0)  # the tests have ended
        if not (pid := os.fork()):
            door.close()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return json.loads(data), descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        door.send(str(pid).encode())
        door.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Become the process of a command: run `python -m run_claude ARGUMENTS`, and end."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["cwd"])
    sys.argv = ["run-claude", *request["arguments"]]
    if request["module"] != "run_claude":
        del sys.modules[request["module"]]  # that it is imported already would be a warning
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        code: Any = 0
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            print(code, file=sys.stderr)  # as Python does
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # as Python does at its end
    atexit._run_exitfuncs()
    gc.collect()  # what was never closed or awaited says so now; all that was imported before is frozen: 2 ms
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:  # one is where the reader is gone
            stream.flush()
    os._exit(code)  # without taking all modules apart, which is 0.09 s


if __name__ == "__main__":
    _import()
    gc.collect()
    gc.freeze()  # what is looked at by the collector is copied, once for each command
    _become(*_serve(socket.socket(fileno=int(sys.argv[1]))))

"""The faults, each done to a stack from the outside: by docker, by signals to its processes, by plain Compose."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .stack import PROBED_EVERY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .stack import FaultyStack

__all__ = [
    "FAULTS",
    "break_probe",
    "crash",
    "crash_loop",
    "kill",
    "out_of_memory",
    "paused",
    "refuse_connections",
    "remove",
]


def kill(stack: FaultyStack, service: str) -> None:
    """`docker kill`: after it Docker itself does not start the container again, whatever its restart policy."""
    stack.docker("kill", stack.container(service))


def crash(stack: FaultyStack, service: str) -> None:
    """Kill -9 of the container's first process."""
    os.kill(stack.pid(service), signal.SIGKILL)


def remove(stack: FaultyStack, service: str) -> None:
    """Remove the container by hand."""
    stack.docker("rm", "--force", stack.container(service))


def break_probe(stack: FaultyStack, service: str) -> None:
    """Make the health check fail while the process runs: until it starts again, the container refuses itself."""
    pid = stack.pid(service)
    refuse_connections(pid)
    end = time.monotonic() + 150  # two probes
    # A watcher may have started it again before anybody has seen it unhealthy.
    while stack.oracle.phase(service) != "unhealthy" and stack.pid(service) == pid:
        assert time.monotonic() < end, stack.oracle.phases()
        time.sleep(0.1)


def refuse_connections(pid: int) -> None:
    """Let the container of a process refuse itself; two probes later it is unhealthy."""
    refuse = "iptables -A INPUT -i lo -p tcp --syn -j REJECT --reject-with tcp-reset"
    subprocess.run(["nsenter", "--target", str(pid), "--net", *refuse.split()], check=True)


def out_of_memory(stack: FaultyStack, service: str = "litellm") -> None:
    """Reach the memory limit: the kernel kills the service's process, and Docker starts the container again."""
    container = stack.container(service)
    # Another process of the container fills the memory; the kernel takes the one with the worst score. Only the first
    # process has it: without a child of it the container would go on.
    Path(f"/proc/{stack.pid(service)}/oom_score_adj").write_text("1000")
    eat = "x = bytearray(4 << 30)"
    stack.docker("exec", container, "python", "-c", eat, check=False)


def crash_loop(
    stack: FaultyStack, service: str = "litellm", *, times: int = 4, before: Callable[[], None] = lambda: None
) -> None:
    """Kill the container's first process as often as Docker starts it.

    :param before: what is done before it is killed
    """
    row = stack.oracle.inspect(service)
    if row is None or row["RestartCount"]:
        # Docker doubles its pause before each restart of a container, from 0.1 s to a minute: this one begins anew.
        remove(stack, service)
        stack.oracle.until_healthy()
    for _ in range(times):
        pid = _new_pid(stack, service, 0)
        before()
        os.kill(pid, signal.SIGKILL)
        _new_pid(stack, service, pid)


def pause(stack: FaultyStack, service: str) -> None:
    """Pause it, and let it go on a moment later."""
    with paused(stack, service):
        assert stack.divergence() == ""


@contextmanager
def paused(stack: FaultyStack, service: str) -> Iterator[None]:
    """Keep it paused."""
    # Soon after a probe: Docker hangs on a container that is frozen while a probe is being started in it.
    end = time.monotonic() + 60
    while not 0 < time.time() - _probed(stack, service) < PROBED_EVERY / 2:
        assert time.monotonic() < end, "no probe"
        time.sleep(0.1)
    container = stack.container(service)
    stack.docker("pause", container)
    try:
        yield
    finally:
        stack.docker("unpause", container, check=False)


def _probed(stack: FaultyStack, service: str) -> float:
    """Return when the last probe has ended."""
    row = stack.oracle.inspect(service)
    log = row["State"]["Health"]["Log"] if row else []
    return datetime.fromisoformat(log[-1]["End"]).timestamp() if log else 0.0


def rename(stack: FaultyStack, service: str) -> None:
    """Give it another name, and its own one again."""
    container = stack.container(service)
    stack.docker("rename", container, f"{container}-else")
    assert stack.divergence() == ""
    stack.docker("rename", f"{container}-else", container)


def recreate(stack: FaultyStack, service: str) -> None:
    """Recreate it by plain Compose."""
    stack.compose("up", "--detach", "--force-recreate", "--no-deps", service)


def disconnect(stack: FaultyStack, service: str) -> None:
    """Take it from its network, and put it back."""
    network, container = f"{stack.name}-network", stack.container(service)
    stack.docker("network", "disconnect", network, container)
    assert stack.divergence() == ""
    stack.docker("network", "connect", "--alias", service, network, container, check=False)


def restart(stack: FaultyStack, service: str) -> None:
    """`docker restart`."""
    stack.docker("restart", "--time", "5", stack.container(service))


# For the chaos run: each ends with a stack that is to be healthy again.
FAULTS: dict[str, Callable[[FaultyStack, str], None]] = {
    "kill": kill,
    "crash": crash,
    "remove": remove,
    "break_probe": break_probe,
    "pause": pause,
    "rename": rename,
    "recreate": recreate,
    "disconnect": disconnect,
    "restart": restart,
}


def _new_pid(stack: FaultyStack, service: str, old: int) -> int:
    end = time.monotonic() + 60
    while (pid := stack.pid(service)) in (0, old):
        assert time.monotonic() < end, stack.oracle.phases()
        time.sleep(0.05)
    return pid

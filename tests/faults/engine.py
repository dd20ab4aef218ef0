"""An engine of a test's own, to stop, kill and freeze: own namespaces, root, socket and containerd.

Its containers are stand-ins (`stand_in`): what is tested on it is who watches an engine, and an image of 600 MB would
take longer to carry over than all the tests. They have the files that the compose file needs of the real images, so
that the very same project starts, gets healthy and stops on it.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Self

from tests import runs
from tests.docker_api import DockerApi

__all__ = ["OwnEngine"]

_WITHIN = 60.0  # seconds for a daemon to answer

_READY = "#!/bin/sh\nexit 0\n"
# LiteLLM's part: healthy while it runs; ends on SIGTERM as the real one does.
_ENTRYPOINT = "#!/bin/sh\ntrap 'exit 143' TERM\necho 'run-claude: ready' >&2\nwhile :; do sleep 3600 & wait $!; done\n"
# The database's: it listens at once. The temporary one that first makes the roles is not there to be waited for.
_DATA = "/var/lib/postgresql/data"
_SERVER = f"""#!/bin/sh
case "$*" in *listen_addresses=*) exit 1 ;; esac
printf '%s\\n' "$$" {_DATA} 0 5432 /tmp '*' ready >{_DATA}/postmaster.pid
trap 'exit 0' TERM
while :; do sleep 3600 & wait $!; done
"""
_PROGRAMS = (
    *("/bin/sh", "/bin/sleep", "/bin/date", "/bin/true"),
    *(
        "/bin/cat",
        "/bin/chown",
        "/bin/cp",
        "/bin/cut",
        "/bin/id",
        "/bin/sha256sum",
        "/bin/touch",
    ),  # timescaledb/databases
)


class OwnEngine:
    """A Docker engine in namespaces of its own. Use as a context manager; nothing is left of it."""

    def __init__(self) -> None:
        self._folder = runs.folder("rcf")
        self._log = (self._folder / "log").open("wb")
        self._holder: subprocess.Popen[str] | None = None
        self._daemon: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Where its API is."""
        return self._folder / "docker.sock"

    @property
    def environ(self) -> dict[str, str]:
        """The environment that makes a docker client use it."""
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}"}

    def __enter__(self) -> Self:
        try:
            setup = "ip link set lo up; echo ready; exec sleep 3600"
            self._holder = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL"),  # with the tests it ends, however they do
                    *("unshare", "--mount", "--pid", "--mount-proc", "--net", "--fork", "--kill-child"),
                    *("sh", "-ec", setup),
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert self._holder.stdout is not None
            assert self._holder.stdout.readline() == "ready\n"
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._holder is not None:
            self._holder.kill()  # with it the first process of the namespace, and with that all others
            self._holder.wait()
            assert self._holder.stdout is not None
            self._holder.stdout.close()
        if self._daemon is not None:
            self._daemon.kill()  # nsenter itself; the daemon has gone with the namespace
            self._daemon.wait(timeout=_WITHIN)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- its life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        for left in (self._folder / "pid", self._folder / "exec/containerd/containerd.pid"):
            left.unlink(missing_ok=True)  # a killed one's; another process may have the number by now
        self._daemon = subprocess.Popen(
            ["nsenter", "--target", str(self._inside), "--mount", "--pid", "--net", "--", *self._command()],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        end = time.monotonic() + _WITHIN
        while not self.answers():
            assert self._daemon.poll() is None and time.monotonic() < end, self.log()
            time.sleep(0.05)

    def _command(self) -> list[str]:
        folder = self._folder
        return [
            *("dockerd", f"--host=unix://{self.socket}", f"--data-root={folder}/data", f"--exec-root={folder}/exec"),
            *(f"--pidfile={folder}/pid", "--config-file=/dev/null", "--storage-driver=overlay2"),
            *("--shutdown-timeout=5", "--default-address-pool=base=10.231.0.0/16,size=24"),
        ]

    def stop(self) -> None:
        """Stop it as a system does: SIGTERM; it stops its containers."""
        self._signal(signal.SIGTERM)
        assert self._daemon is not None
        self._daemon.wait(timeout=_WITHIN)

    def kill(self) -> None:
        """Kill it; its containers run on."""
        self._signal(signal.SIGKILL)
        assert self._daemon is not None
        self._daemon.wait(timeout=_WITHIN)

    def freeze(self) -> None:
        """Let it accept connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGCONT)  # nsenter stops with its child
        self._signal(signal.SIGCONT)

    def answers(self) -> bool:
        """Whether it answers."""
        try:
            return DockerApi(self.environ).text("/_ping") == "OK"
        except AssertionError:
            return False

    def run(self, *argv: str) -> None:
        """Run a command where its containers' processes are."""
        enter = ("nsenter", "--target", str(self._inside), "--mount", "--pid", "--net", "--")
        subprocess.run([*enter, *argv], check=True, timeout=_WITHIN)

    def log(self) -> str:
        """Return the end of its log."""
        return (self._folder / "log").read_text(errors="replace")[-3000:]

    @property
    def _inside(self) -> int:
        assert self._holder is not None
        return _only_child(self._holder.pid)

    def _signal(self, signum: int) -> None:
        assert self._daemon is not None
        os.kill(_only_child(self._daemon.pid), signum)

    # --- its images -------------------------------------------------------------------------------------------

    def stand_in(self, reference: str) -> None:
        """Make an image that stands for LiteLLM's or for the database's."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for program in _PROGRAMS:
                _add(tar, program, Path(program).read_bytes())
                for library in _libraries(program):
                    if library.lstrip("/") not in tar.getnames():
                        _add(tar, library, Path(library).read_bytes())
            for name in ("/bin/pg_isready", "/bin/psql", "/app/healthcheck"):
                _add(tar, name, _READY.encode())
            _add(tar, "/app/entrypoint", _ENTRYPOINT.encode())
            _add(tar, "/bin/docker-entrypoint.sh", _SERVER.encode())
            _add(tar, f"{_DATA}/PG_VERSION", b"17\n")
        changes = ("ENV PATH=/bin", 'ENTRYPOINT ["/app/entrypoint"]', "LABEL run-claude.image=stand-in")
        subprocess.run(
            ["docker", "import", *(f"--change={change}" for change in changes), "-", reference],
            input=archive.getvalue(),
            capture_output=True,
            env=self.environ,
            check=True,
        )


def _only_child(pid: int) -> int:
    end = time.monotonic() + 5
    while not (children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return int(children[0])


def _libraries(program: str) -> list[str]:
    printed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [word for word in printed.split() if word.startswith("/")]


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name.lstrip("/"))
    entry.size, entry.mode = len(data), 0o755
    tar.addfile(entry, io.BytesIO(data))

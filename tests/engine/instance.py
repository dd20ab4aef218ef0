"""A stack of a test's own: instance name, ports, configuration and state that nobody else has."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import planted, ready, runs
from tests.docker_api import DockerApi, engine_host
from tests.runs import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Instance", "docker", "engine_socket", "free_port", "psql_script"]

_COMMAND = [sys.executable, "-m", "run_claude"]
_WITHIN = 300  # seconds; a command that hangs must fail its test, not the run


def docker(*arguments: str, check: bool = True, environ: Mapping[str, str] | None = None) -> str:
    """Run the docker command and return its standard output; ``environ`` is put beside its environment."""
    done = subprocess.run(
        ["docker", *arguments],
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=_WITHIN,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout.strip()


def engine_socket() -> Path:
    """Return the socket of the engine that the docker command uses; without one the test is skipped."""
    host = engine_host()
    if not host.startswith("unix://"):
        pytest.skip("the engine of this run has no unix socket")
    return Path(host.removeprefix("unix://")).resolve()


def psql_script(instance: Instance, database: str, text: str) -> str:
    """Run a script of SQL until its first error, which fails the test, and return the rows."""
    container = instance.container("timescaledb")
    command = ["docker", "exec", "-i", container, "psql", "-XqAtU", "postgres", "-v", "ON_ERROR_STOP=1", "-d", database]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass
class Instance:
    """One stack and the folders of its user. ``heard`` is everything that its commands have printed."""

    folder: Path
    name: str = field(default_factory=lambda: runs.name("rct"))
    port: int = field(default_factory=free_port)
    release: dict[str, str] = field(default_factory=dict)  # what makes Python run another one: see tests/stand_in
    extra: dict[str, str] = field(default_factory=dict)
    workplace: Path | None = None  # where commands are called; by default where the tests run
    heard: list[str] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def services(self) -> Path:
        return self.config / "services"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        ours = {
            "HOME": str(self.folder),
            "RUN_CLAUDE_HOME": str(self.config),
            "RUN_CLAUDE_STATE": str(self.folder / "state"),
            "RUN_CLAUDE_INSTANCE": self.name,
            "LITELLM_PORT": str(self.port),
            "RUN_CLAUDE_PRISMA": "off",
        }
        return {**os.environ, **planted.PLANTED, **self.release, **ours, **self.extra}

    def start_command(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start a command and return its process."""
        return subprocess.Popen(
            [*_COMMAND, *arguments],
            env=self.environment,
            cwd=self.workplace,
            text=True,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def finish(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        """Wait for a command's end and return what it printed."""
        try:
            out, err = process.communicate(timeout=_WITHIN)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"hangs:\n{out}\n{err}") from None
        return self.judge(process, out, err)

    def terminate(self, process: subprocess.Popen[str]) -> None:
        """Send SIGTERM to a command that was started."""
        process.terminate()

    def judge(
        self, process: subprocess.Popen[str] | subprocess.CompletedProcess[str], out: str, err: str
    ) -> subprocess.CompletedProcess[str]:
        """Hold an ended command to what every command owes: no secret, no traceback, nothing left undone."""
        self.heard += [out, err]
        planted.keep(self.secrets())
        planted.check_text(map(str, process.args[3:]) if isinstance(process.args, list) else (), out, err)
        assert "Traceback" not in err, err
        assert "never awaited" not in err, err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def run(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; ``expect=None`` takes any exit code."""
        done = self.ended(*arguments)
        assert expect is None or done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def ended(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, without a start of Python for each: see tests/ready.py."""
        code, out, err = ready.run(arguments, self.environment, cwd=self.workplace, within=_WITHIN)
        return self.judge(subprocess.CompletedProcess([*_COMMAND, *arguments], code), out, err)

    def json(self, *arguments: str, expect: int | None = 0) -> Any:
        """Run a command with --json and return the document."""
        return json.loads(self.run(*arguments, "--json", expect=expect).stdout)

    def start(self, *arguments: str) -> Any:
        """Start the stack on the demo profile and return the document."""
        return self.json("proxy", "start", "--profile", "demo", *arguments)

    def container(self, service: str) -> str:
        return f"{self.name}-{service}"

    @property
    def api(self) -> DockerApi:
        """The API of this stack's engine."""
        return DockerApi()

    def docker(self, *arguments: str, check: bool = True) -> str:
        """Run the docker command on this stack's engine and return its standard output."""
        return docker(*arguments, check=check)

    def inspect(self, service: str) -> Any:
        """Return what the engine says of a service's container; ``None`` if there is none."""
        return self.api.inspect(self.container(service))

    def phase(self, service: str) -> str:
        """Return what the engine says of a service, in the engine's words: `exited`, `running healthy`."""
        found = self.inspect(service)
        if found is None:
            return "absent"
        state = found["State"]
        return f"{state['Status']} {state['Health']['Status']}" if state["Running"] else str(state["Status"])

    def sql(self, statement: str) -> str:
        """Run SQL in the database and return the rows, unadorned."""
        return self.psql("postgres", statement)

    def psql(self, database: str, statement: str) -> str:
        """Run SQL in one of the databases and return the rows, unadorned."""
        command = ("psql", "-qAtU", "postgres", "-d", database, "-c", statement)
        return self.docker("exec", self.container("timescaledb"), *command)

    @property
    def database_password(self) -> str:
        """The password of the role `run_claude`, as it stands in the user's ``.env``."""
        return self.secrets()[1]

    def sql_by_password(
        self, statement: str, *, role: str = "run_claude", database: str = "", password: str = "", check: bool = True
    ) -> str:
        """Run SQL over TCP, by default with the password that stands in the user's ``.env``; return what psql says."""
        psql = ("psql", "-h", "127.0.0.1", "-XqAtU", role, "-d", database or role, "-c", statement)
        # In the environment: a command line is for everybody to read.
        environ = {"PGPASSWORD": password or self.database_password}
        return docker("exec", "-e", "PGPASSWORD", self.container("timescaledb"), *psql, check=check, environ=environ)

    def secrets(self) -> list[str]:
        """Return the values that may never show."""
        try:
            return self.secrets_of((self.config / ".env").read_text())
        except (OSError, UnicodeDecodeError):
            return []  # none yet, or a test has broken it

    @staticmethod
    def secrets_of(env_file: str) -> list[str]:
        """Return the generated secrets that stand in the text of a ``.env``."""
        ours = re.compile("(MASTER_KEY|SALT_KEY|PASSWORD)=")
        return [line.partition("=")[2].strip("'\"") for line in env_file.splitlines() if ours.search(line)]

    def remove(self) -> None:
        """Remove everything that was made, also what a failed test left half-made, after a look for secrets in it."""
        try:
            planted.check_containers(self.name, self.api)
            planted.check_files(self.folder)
        finally:
            self._remove()

    def _remove(self) -> None:
        self.api.remove(self.name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def left_over(self) -> list[str]:
        """Return the containers, volumes and networks of this instance that there are."""
        return [name for names in self.api.objects(self.name).values() for name in names]

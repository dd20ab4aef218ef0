"""A stack for faults: probes that follow each other quickly, rows in its database, and an oracle beside it."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import anyio

from run_claude import Service, Stack
from run_claude.config.settings import load_settings
from run_claude.deploy.image import litellm_image
from tests.engine.instance import Instance

from .oracle import BOTH, Oracle

if TYPE_CHECKING:
    from pathlib import Path

    from run_claude import Status

    from .engine import OwnEngine

__all__ = ["PROBED_EVERY", "FaultyStack"]

PROBED_EVERY = 4  # seconds
STAND_IN_DATABASE = "run-claude-faults/timescaledb:stand-in"

# As many attempts as there are faults, and no long pauses between them: the policy's own are tested elsewhere.
WATCHING = {
    "RUN_CLAUDE_WATCH_BACKOFF": "0.2",
    "RUN_CLAUDE_WATCH_BACKOFF_MAX": "0.5",
    "RUN_CLAUDE_WATCH_IN_A_ROW": "1000",
    "RUN_CLAUDE_WATCH_BUDGET": "10000",
    "RUN_CLAUDE_WATCH_STABLE": "5",
    "RUN_CLAUDE_WATCH_PROBE": "5",
}


class FaultyStack(Instance):
    """One instance, its rows, and what the engine says of it."""

    def __init__(self, folder: Path, release: dict[str, str], engine: OwnEngine | None = None) -> None:
        super().__init__(folder, release=release)
        folder.mkdir(parents=True, exist_ok=True)
        self.engine = engine
        self.extra |= WATCHING
        self.extra["RUN_CLAUDE_LITELLM_MEMORY"] = "768m"  # enough for the real one, and soon full
        if engine is not None:
            self.extra["DOCKER_HOST"] = f"unix://{engine.socket}"
            self.extra["RUN_CLAUDE_TIMESCALEDB_IMAGE"] = STAND_IN_DATABASE
        self.oracle = Oracle(self.name, self.environment)
        self._rows = 0

    # --- coming up --------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Write the user's files, with a probe every few seconds: a failing one is noticed in eight, not in sixty.

        Each costs 80 ms of CPU, Docker's own part with it. On an engine of its own no probe is to fail.
        """
        self.run("install", "--no-build")
        if self.engine is None:
            compose = self.services / "docker-compose.yaml"
            compose.write_text(compose.read_text().replace("interval: 30s", f"interval: {PROBED_EVERY}s"))
        else:
            self.engine.stand_in(STAND_IN_DATABASE)
            self.engine.stand_in(litellm_image(load_settings(self.environment)))

    def up(self) -> None:
        """Start it, and put the table for the rows into its database."""
        self.prepare()
        self.start()
        if self.engine is None:
            self.oracle.sql("CREATE TABLE faults (number bigint PRIMARY KEY, told timestamptz DEFAULT now())")
            self.rows()

    def give_disk(self, device: str) -> None:
        """Put the database's volume on a block device, before it is made for the first time."""
        labels = (f"com.docker.compose.project={self.name}", "com.docker.compose.volume=timescaledb-data")
        self.docker(
            *("volume", "create", *(f"--label={label}" for label in labels)),
            *("--opt=type=ext4", f"--opt=device={device}"),
            f"{self.name}-timescaledb-data",
        )

    # --- rows -------------------------------------------------------------------------------------------------

    def rows(self, more: int = 10) -> tuple[int, int]:
        """Return how many rows the database has confirmed, and how many of them are there.

        In the same session, each costs a tenth of a second of CPU, it adds more of them for the next fault.
        """
        confirmed, first = self._rows, self._rows + 1
        found = self.oracle.sql(
            f"SELECT count(*) FROM faults WHERE number BETWEEN 1 AND {confirmed};"  # noqa: S608 (a number)
            f"INSERT INTO faults SELECT generate_series({first}, {first + more - 1})"
        )
        self._rows += more
        return confirmed, int(found)

    # --- what is owed after each fault ------------------------------------------------------------------------

    def status(self) -> Status:
        """Return what `proxy status` prints. It is asked here: a process of its own costs 0.3 s of CPU each time."""

        async def ask() -> Status:
            async with Stack.open(load_settings(self.environment)) as stack:
                return await stack.status()

        return anyio.run(ask)

    def divergence(self) -> str:
        """Return how the status differs from `docker inspect`; empty if it does not.

        While something changes they may be asked at different moments, so it counts only if nothing changed meanwhile.
        """
        said = ""
        for _ in range(20):
            before = self.oracle.look()
            told = self.status().snapshot
            after = phases, identity = self.oracle.look()
            ids = {service: found[0] if found else "" for service, found in identity.items()}
            differs = [
                f"{service}: told {told[service].phase} {told[service].id[:12]},"
                f" is {phases[service]} {ids[service][:12]}"
                for service in map(Service, BOTH)
                if (told[service].phase.value, told[service].id) != (phases[service], ids[service])
            ]
            if not differs:
                return ""
            said = "; ".join(differs)
            if before == after:
                return said
            time.sleep(0.2)
        return said

    def status_agrees(self) -> None:
        """Assert that `proxy status --json`, the command, prints what the engine says. Nothing may change meanwhile."""
        told = self.json("proxy", "status", expect=None)["services"]
        phases, identity = self.oracle.look()
        assert {service: told[service]["phase"] for service in BOTH} == phases
        ids = {service: found[0] if found else "" for service, found in identity.items()}
        assert {service: told[service].get("id", "") for service in BOTH} == ids

    def owes_nothing(self) -> None:
        """Assert that status is what the engine says, that no row is lost and that nothing is left over."""
        assert self.divergence() == ""
        if self.engine is None and self.oracle.phase("timescaledb") == "healthy":
            confirmed, there = self.rows()
            assert there == confirmed
        objects = self.oracle.objects()
        assert set(objects["container"]) <= {self.container(service) for service in BOTH}
        volumes = ("litellm-files", "litellm-logs", "timescaledb-data", "timescaledb-files")
        assert sorted(objects["volume"]) == [f"{self.name}-{volume}" for volume in volumes]
        assert objects["network"] == [f"{self.name}-network"]
        assert not [path for path in self.config.rglob("*") if path.suffix == ".tmp"]

    # --- the engine's own tools -------------------------------------------------------------------------------

    def docker(self, *arguments: str, check: bool = True) -> str:
        """Run a docker command on this stack's engine."""
        return self.oracle.docker(*arguments, check=check)

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run plain Compose on the project, as a user does in its folder."""
        variables = load_settings(self.environment).paths.compose_env_file
        files = ("--env-file", str(variables), "--file", "docker-compose.yaml")
        return subprocess.run(
            ["docker", "compose", *files, *arguments],
            cwd=self.services,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )

    def pid(self, service: str) -> int:
        """Return the first process of a container, as this machine numbers it."""
        row = self.oracle.inspect(service)
        assert row is not None
        return int(row["State"]["Pid"])

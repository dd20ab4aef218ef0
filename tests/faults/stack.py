"""A stack for faults: probes that follow each other quickly, rows in its database, and an oracle beside it."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, Any

from run_claude.config.settings import load_settings
from run_claude.deploy.image import litellm_image
from tests.engine.instance import Instance

from .oracle import BOTH, Oracle

if TYPE_CHECKING:
    from pathlib import Path

    from .engine import OwnEngine

__all__ = ["FaultyStack"]

STAND_IN_DATABASE = "run-claude-faults/timescaledb:stand-in"

# As many attempts as there are faults, and no long pauses between them: the policy's own are tested elsewhere.
WATCHING = {
    "RUN_CLAUDE_WATCH_BACKOFF": "0.2",
    "RUN_CLAUDE_WATCH_BACKOFF_MAX": "2",
    "RUN_CLAUDE_WATCH_IN_A_ROW": "1000",
    "RUN_CLAUDE_WATCH_BUDGET": "10000",
    "RUN_CLAUDE_WATCH_STABLE": "5",
    "RUN_CLAUDE_WATCH_PROBE": "10",
}


class FaultyStack(Instance):
    """One instance, its rows, and what the engine says of it."""

    def __init__(self, folder: Path, release: dict[str, str], engine: OwnEngine | None = None) -> None:
        super().__init__(folder, release=release)
        folder.mkdir(parents=True, exist_ok=True)
        self.engine = engine
        self.extra |= WATCHING
        if engine is not None:
            self.extra["DOCKER_HOST"] = f"unix://{engine.socket}"
            self.extra["RUN_CLAUDE_TIMESCALEDB_IMAGE"] = STAND_IN_DATABASE
        self.oracle = Oracle(self.name, self.environment)
        self._rows = 0

    # --- coming up --------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Write the user's files, with a probe every two seconds: a failing one is noticed in four, not in sixty.

        Each costs 80 ms of CPU, Docker's own part with it.
        """
        self.run("install", "--no-build")
        compose = self.services / "docker-compose.yaml"
        compose.write_text(compose.read_text().replace("interval: 30s", "interval: 2s"))
        if self.engine is not None:
            self.engine.stand_in(STAND_IN_DATABASE)
            self.engine.stand_in(litellm_image(load_settings(self.environment)))

    def up(self) -> None:
        """Start it, and put the table for the rows into its database."""
        self.prepare()
        self.start()
        if self.engine is None:
            self.oracle.sql("CREATE TABLE faults (number bigint PRIMARY KEY, told timestamptz DEFAULT now())")

    # --- rows -------------------------------------------------------------------------------------------------

    def plant(self, count: int = 10) -> None:
        """Add rows that may never be lost: the database has confirmed them."""
        first = self._rows + 1
        self.oracle.sql(f"INSERT INTO faults SELECT generate_series({first}, {first + count - 1})")
        self._rows += count

    def planted(self) -> tuple[int, int]:
        """Return how many rows were confirmed, and how many of them are there."""
        found = self.oracle.sql(f"SELECT count(*) FROM faults WHERE number BETWEEN 1 AND {self._rows}")  # noqa: S608 (a number)
        return self._rows, int(found)

    # --- what is owed after each fault ------------------------------------------------------------------------

    def notify(self) -> dict[str, Any]:
        """Return the services as `proxy status` tells them."""
        services: dict[str, Any] = self.json("proxy", "status", expect=None)["services"]
        return services

    def divergence(self) -> str:
        """Return how `proxy status` differs from `docker inspect`; empty if it does not.

        While something changes they may be asked at different moments, so it counts only if nothing changed meanwhile.
        """
        said = ""
        for _ in range(20):
            before = self.oracle.identity(), self.oracle.phases()
            told = self.notify()
            after = self.oracle.identity(), self.oracle.phases()
            ids = {service: found[0] if found else "" for service, found in after[0].items()}
            differs = [
                f"{service}: told {told[service]['phase']} {told[service].get('id', '')[:12]},"
                f" is {after[1][service]} {ids[service][:12]}"
                for service in BOTH
                if (told[service]["phase"], told[service].get("id", "")) != (after[1][service], ids[service])
            ]
            if not differs:
                return ""
            said = "; ".join(differs)
            if before == after:
                return said
            time.sleep(0.2)
        return said

    def owes_nothing(self) -> None:
        """Assert that status is what the engine says, that no row is lost and that nothing is left over."""
        assert self.divergence() == ""
        if self.engine is None and self.oracle.phase("timescaledb") == "healthy":
            confirmed, there = self.planted()
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

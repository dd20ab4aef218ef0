"""The oracle: what is, told by the engine's API and by rows counted in the database. Uses nothing of run-claude."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from typing import Any

from tests.docker_api import DockerApi

__all__ = ["BOTH", "Oracle"]

BOTH = ("timescaledb", "litellm")
_WITHIN = 60  # seconds for one docker command


@dataclass
class Oracle:
    """What an engine says of one instance."""

    instance: str
    environ: dict[str, str] = field(default_factory=dict)  # which engine

    def docker(self, *arguments: str, check: bool = True) -> str:
        """Run a docker command and return what it printed."""
        done = subprocess.run(
            ["docker", *arguments],
            capture_output=True,
            text=True,
            timeout=_WITHIN,
            env=self.environ or None,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout.strip()

    def inspect(self, service: str) -> dict[str, Any] | None:
        """Return the inspected container of a service, found by its labels; of two the one that runs."""
        return self._inspect(f"com.docker.compose.service={service}").get(service)

    def phase(self, service: str) -> str:
        """Return the phase of a service."""
        return self._phase(self.inspect(service))

    def phases(self) -> dict[str, str]:
        """Return the phases of both."""
        return self.look()[0]

    def identity(self) -> dict[str, tuple[str, ...]]:
        """Return what tells one life of a container from the next."""
        return self.look()[1]

    def look(self) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
        """Return phases and identities of one look."""
        rows = self._inspect()
        phases = {service: self._phase(rows.get(service)) for service in BOTH}
        identity: dict[str, tuple[str, ...]] = dict.fromkeys(BOTH, ())
        for service, row in rows.items():
            identity[service] = (row["Id"], row["State"]["StartedAt"], row["State"]["Status"])
        return phases, identity

    def _inspect(self, *labels: str) -> dict[str, dict[str, Any]]:
        api = DockerApi(self.environ or None)
        rows = api.containers(self.instance, *labels)
        found = [row for row in (api.inspect(row["Id"]) for row in rows) if row is not None]
        found.sort(key=lambda row: (row["State"]["Running"], row["Created"]))
        return {row["Config"]["Labels"]["com.docker.compose.service"]: row for row in found}

    def _phase(self, row: dict[str, Any] | None) -> str:
        """Return the phase of a container by the rules of the documentation.

        Health counts only while it runs, and only on the network that it was created for: elsewhere it is unhealthy.
        """
        if row is None:
            return "absent"
        status = str(row["State"]["Status"])
        health = str((row["State"].get("Health") or {}).get("Status"))
        if status == "running" and health in ("healthy", "starting"):
            return health if f"{self.instance}-network" in row["NetworkSettings"]["Networks"] else "unhealthy"
        return str(row["State"]["Health"]["Status"]) if status == "running" else status

    def until(self, phases: dict[str, str], *, within: float = 90) -> None:
        """Wait until both are in these phases, asking ten times a second.

        :raises AssertionError: with what is instead
        """
        end = time.monotonic() + within
        while (now := self.phases()) != phases:
            assert time.monotonic() < end, f"not {phases} within {within:g} s, but {now}"
            time.sleep(0.1)

    def until_healthy(self, *, within: float = 90) -> None:
        """Wait until both are healthy."""
        self.until(dict.fromkeys(BOTH, "healthy"), within=within)

    def sql(self, statement: str, *, check: bool = True) -> str:
        """Run SQL in the database, in its container, and return the rows, unadorned."""
        row = self.inspect("timescaledb")
        assert row is not None
        psql = ("psql", "-qAtU", "postgres", "-d", "run_claude", "-v", "ON_ERROR_STOP=1", "-c", statement)
        return self.docker("exec", row["Id"], *psql, check=check)

    def objects(self) -> dict[str, list[str]]:
        """Return the containers, volumes and networks of the instance, by name."""
        return DockerApi(self.environ or None).objects(self.instance)

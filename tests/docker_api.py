"""The engine's API, for tests that look often: a look by the `docker` command costs 40 ms of CPU, one by this 2 ms.

Uses nothing of run-claude: what the tests hold it against must not share its mistakes.
"""

from __future__ import annotations

import functools
import http.client
import json
import os
import socket
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROJECT", "DockerApi", "engine_host"]

PROJECT = "com.docker.compose.project"
_WITHIN = 60.0  # seconds for one answer


class DockerApi:
    """What an engine is asked over its unix socket; by default the engine of the docker command."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._socket = engine_host(environ)
        assert self._socket.startswith("unix://"), f"the tests need an engine on a unix socket, not {self._socket}"

    def get(self, path: str, **query: object) -> Any:
        """Return the answer; ``None`` if there is no such thing. A value that is no text goes as JSON."""
        words = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
        body = self.text(f"{path}?{urlencode(words)}" if words else path)
        return json.loads(body) if body else None

    def text(self, path: str) -> str:
        """Return the answer as it came; empty if there is no such thing, or not now: processes of what has ended."""
        return self._request("GET", path).decode(errors="replace")

    def delete(self, path: str, **query: str) -> None:
        """Remove something, if it is there."""
        self._request("DELETE", f"{path}?{urlencode(query)}" if query else path)

    # --- of one Compose project -------------------------------------------------------------------------------

    def containers(self, project: str, *labels: str) -> list[dict[str, Any]]:
        """Return the rows of a project's containers, running or not."""
        rows: list[dict[str, Any]] = self.get("/containers/json", all=1, filters=_of(project, *labels))
        return rows

    def inspect(self, container: str) -> dict[str, Any] | None:
        """Return a container as `docker inspect` shows it; ``None`` if there is none."""
        row: dict[str, Any] | None = self.get(f"/containers/{container}/json")
        return row

    def objects(self, project: str) -> dict[str, list[str]]:
        """Return the names of a project's containers, volumes and networks."""
        volumes = self.get("/volumes", filters=_of(project))["Volumes"] or []
        return {
            "container": sorted(name.lstrip("/") for row in self.containers(project) for name in row["Names"]),
            "volume": sorted(row["Name"] for row in volumes),
            "network": sorted(row["Name"] for row in self.get("/networks", filters=_of(project))),
        }

    def remove(self, project: str) -> None:
        """Remove a project's containers, volumes and networks, whatever state they are in."""
        for row in self.containers(project):
            self.delete(f"/containers/{row['Id']}", force="1", v="1")
        for row in self.get("/volumes", filters=_of(project))["Volumes"] or []:
            self.delete(f"/volumes/{row['Name']}", force="1")
        for row in self.get("/networks", filters=_of(project)):
            self.delete(f"/networks/{row['Id']}")

    # --- the wire ---------------------------------------------------------------------------------------------

    def _request(self, method: str, path: str) -> bytes:
        connection = _Connection(self._socket.removeprefix("unix://"))
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            raise AssertionError(f"the engine at {self._socket} does not answer {method} {path}: {error}") from error
        finally:
            connection.close()
        if answer.status in (http.HTTPStatus.NOT_FOUND, http.HTTPStatus.CONFLICT):
            return b""
        assert answer.status < http.HTTPStatus.BAD_REQUEST, f"{method} {path}: {answer.status} {body.decode()}"
        return body


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_WITHIN)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _of(project: str, *labels: str) -> dict[str, list[str]]:
    return {"label": [f"{PROJECT}={project}", *labels]}


def engine_host(environ: Mapping[str, str] | None = None) -> str:
    """Return the address of the docker command's engine, in this environment or another one."""
    return (os.environ if environ is None else environ).get("DOCKER_HOST") or _default_host()


@functools.cache
def _default_host() -> str:
    argv = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=_WITHIN).stdout.strip()

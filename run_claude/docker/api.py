"""One-shot calls to the engine's API: containers, images, volumes, ports, info.

They use h11 (``http``), not aiodocker: a whole `proxy status` takes as long as importing aiohttp alone. Streams (events
and logs) are in ``events``, over aiodocker.
"""

from __future__ import annotations

import json
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

import anyio

from run_claude.docker.http import Answer, HttpClient, HttpError
from run_claude.docker.inspect import PROJECT_LABEL, Found, Json, container_of, service_of, snapshot_of, stranger_of
from run_claude.domain import timeouts
from run_claude.domain.lifecycle import parse_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from run_claude.docker.endpoint import Endpoint
    from run_claude.domain.lifecycle import Snapshot
    from run_claude.errors import RunClaudeError

__all__ = ["EngineApi", "Image", "Reading", "has_docker_cli"]

_PODMAN = "libpod-api-version"  # in each of Podman's answers: its version


def has_docker_cli() -> bool:
    """Whether there is a docker command."""
    return shutil.which("docker") is not None


@dataclass(frozen=True, slots=True)
class Image:
    """An image in the engine's store: ID, size in bytes, labels; its registry's digest, or its ID if it has none."""

    id: str
    size: int
    labels: dict[str, str]
    digest: str = ""


class Reading:
    """Reads files of a container that does not run; of none, nothing."""

    def __init__(self, api: EngineApi, container: str) -> None:
        self._api = api
        self._container = container

    async def __call__(self, path: str) -> bytes | None:
        """Return a file as a tar archive, or ``None`` if it is not there.

        :raises EngineError: if the engine cannot be asked
        """
        answer = await self._api.archive(self._container, path) if self._container else None
        return answer.body if answer is not None and answer.status == 200 else None

    async def has(self, path: str) -> bool:
        """Whether there is a file at this path.

        :raises EngineError: if the engine cannot be asked
        """
        answer = await self._api.archive(self._container, path, method="HEAD") if self._container else None
        return answer is not None and answer.status == 200


class EngineApi:
    """The engine's API at one endpoint. Open with :meth:`connect`."""

    def __init__(self, client: HttpClient, endpoint: Endpoint) -> None:
        self._client = client
        self.endpoint = endpoint

    @classmethod
    @asynccontextmanager
    async def connect(cls, endpoint: Endpoint, *, port: int = 4444) -> AsyncIterator[EngineApi]:
        """Yield an API client; nothing is sent yet.

        :param port: the proxy's, for the help where the engine is elsewhere
        :raises EngineError: if the endpoint is not on this machine, or its certificates cannot be read
        """
        if endpoint.socket is None:
            from run_claude.docker.place import check_address

            await check_address(endpoint, port)
        async with HttpClient.connect(endpoint) as client:
            yield cls(client, endpoint)

    async def look(self, project: str) -> Snapshot:
        """Return a snapshot of the Compose project.

        :raises EngineError: if the engine cannot be asked
        """
        raws = [raw async for raw in self._inspected(project)]
        found = [container for raw in raws if (container := container_of(raw)) is not None]
        strangers = [stranger for raw in raws if (stranger := stranger_of(raw)) is not None]
        return replace(snapshot_of(found), strangers=tuple(strangers))

    async def containers(self, project: str) -> dict[str, Found]:
        """Return the containers of the project's services by ID. The list only names them; each is inspected.

        :raises EngineError: if the engine cannot be asked
        """
        looked = [(str(raw["Id"]), container_of(raw)) async for raw in self._inspected(project)]
        return {id: container for id, container in looked if container is not None}

    async def _inspected(self, project: str) -> AsyncIterator[Json]:
        for row in await self._containers({"label": [f"{PROJECT_LABEL}={project}"]}):
            raw = await self.get(f"/containers/{row['Id']}/json", missing=None)
            if raw is not None:  # else it is gone meanwhile
                yield raw

    async def container(self, id: str) -> Found | None:
        """Return a container; ``None`` if it is gone or belongs to no service of ours.

        :raises EngineError: if the engine cannot be asked
        """
        raw = await self.get(f"/containers/{id}/json", missing=None)
        return None if raw is None else container_of(raw)

    async def ping(self) -> None:
        """Return as soon as the engine answers, which takes 0.4 ms.

        :raises EngineError: if it does not
        """
        await self.version()

    async def container_named(self, name: str) -> Json | None:
        """Return the inspected container of exactly this name, or ``None``.

        :raises EngineError: if the engine cannot be asked
        """
        return cast("Json | None", await self.get(f"/containers/{name}/json", missing=None))

    async def publisher_of(self, port: int) -> str:
        """Return the name of the running container that publishes a TCP port; empty if none does.

        :raises EngineError: if the engine cannot be asked
        """
        for row in await self._containers({"publish": [f"{port}/tcp"]}):
            if any(published.get("PublicPort") == port for published in row.get("Ports") or []):
                return str(row["Names"][0]).lstrip("/")
        return ""

    async def instance_on(self, port: int) -> str:
        """Return the name of the instance whose running container publishes a TCP port; empty if none of ours does.

        :raises EngineError: if the engine cannot be asked
        """
        for row in await self._containers({"publish": [f"{port}/tcp"]}):
            labels, project = row.get("Labels") or {}, str((row.get("Labels") or {}).get(PROJECT_LABEL, ""))
            service = service_of(labels)
            ours = service is not None and f"/{project}-{service}" in (row.get("Names") or [])
            if ours and any(published.get("PublicPort") == port for published in row.get("Ports") or []):
                return project
        return ""

    async def version(self) -> tuple[int, int]:
        """Return the engine's API version, from the header of a ping: ``/version`` also asks runc and containerd.

        :raises EngineError: if the engine cannot be asked
        """
        major, _, minor = (await self.send("GET", "/_ping")).headers.get("api-version", "").partition(".")
        return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)

    async def time_ns(self) -> int:
        """Return the time by the engine's clock.

        :raises EngineError: if the engine cannot be asked
        """
        return parse_time((await self.get("/info")).get("SystemTime")) or 0

    async def image(self, reference: str) -> Image | None:
        """Return an image in the engine's store, or ``None``.

        :raises EngineError: if the engine cannot be asked
        """
        raw = await self.get(f"/images/{reference}/json", missing=None)
        if raw is None:
            return None
        labels = (raw.get("Config") or {}).get("Labels") or {}
        repository = reference.rpartition("/")[0] + "/" + reference.rpartition("/")[2].partition(":")[0]
        named = (str(name).partition("@") for name in raw.get("RepoDigests") or [])
        digests = [digest for name, _, digest in named if f"/{name}".endswith(repository)]
        digest = (digests or [str(raw["Id"])])[0]
        return Image(id=str(raw["Id"]), size=int(raw.get("Size") or 0), labels=dict(labels), digest=digest)

    async def image_variables(self, reference: str) -> dict[str, str] | None:
        """Return the variables that an image sets; ``None`` if there is no such image.

        :raises EngineError: if the engine cannot be asked
        """
        raw = await self.get(f"/images/{reference}/json", missing=None)
        if raw is None:
            return None
        pairs = (str(pair).partition("=") for pair in (raw.get("Config") or {}).get("Env") or [])
        return {name: value for name, _, value in pairs}

    async def has_volume(self, name: str) -> bool:
        """Whether there is a volume of this name.

        :raises EngineError: if the engine cannot be asked
        """
        return await self.get(f"/volumes/{name}", missing=None) is not None

    async def info(self) -> Json:
        """Return ``/info``: what the engine reports about itself and its host.

        :raises EngineError: if the engine cannot be asked
        """
        return cast("Json", await self.get("/info"))

    @asynccontextmanager
    async def reading(self, image: str, name: str, volume: str, at: str) -> AsyncIterator[Reading]:
        """Yield what reads files of an image and a volume, from a container that is created and never started.

        :param name: the container's name; the container is removed again
        :param at: where the volume is mounted in it
        :raises EngineError: if the engine cannot be asked
        """
        wanted = {
            "Image": image,
            "NetworkDisabled": True,
            "HostConfig": {"Binds": [f"{volume}:{at}:ro"], "NetworkMode": "none"},
        }
        await self.send("DELETE", f"/containers/{name}?force=1&v=1")  # left behind if an earlier call was killed
        try:  # from here on: a creation that is cancelled half-way is removed as well
            created = await self.send("POST", f"/containers/create?name={quote(name)}", wanted)
            yield Reading(self, name if created.status < 400 else "")
        finally:
            with anyio.CancelScope(shield=True):
                await self.send("DELETE", f"/containers/{name}?force=1&v=1")

    async def archive(self, container: str, path: str, *, method: str = "GET") -> Answer:
        """Return the engine's answer for a file of a container: a tar archive, or with ``HEAD`` whether it is there.

        :raises EngineError: if the engine cannot be asked
        """
        return await self.send(method, f"/containers/{container}/archive?path={quote(path)}")

    async def send(self, method: str, target: str, content: object = None, *, within: float | None = None) -> Answer:
        """Send a request and return the engine's answer, whatever its status.

        :param content: bytes are a tar archive, anything else is sent as JSON
        :param within: seconds; by default as long as an answer of the engine may take
        :raises EngineError: if the engine cannot be asked, or is Podman
        """
        if isinstance(content, bytes):
            kind, body = "application/x-tar", content
        else:
            kind, body = "application/json", b"" if content is None else json.dumps(content).encode()
        try:
            answer = await self._client.send(method, target, body, within=within or timeouts.ENGINE_ANSWER, kind=kind)
        except (HttpError, OSError) as error:
            raise _unreachable(self.endpoint, error) from error
        if podman := answer.headers.get(_PODMAN):
            from run_claude.domain.diagnosis import engine_is_podman

            raise engine_is_podman(self.endpoint.host, podman)
        return answer

    async def _containers(self, filters: dict[str, list[str]]) -> list[Json]:
        return cast("list[Json]", await self.get("/containers/json", {"all": "1", "filters": json.dumps(filters)}))

    async def get(self, path: str, params: dict[str, str] | None = None, **on: None) -> Any:
        """Return the JSON of a GET; with ``missing=None`` a 404 gives ``None`` instead of an error.

        :raises EngineError: if the engine cannot be asked, or refuses
        """
        target = quote(path) + (f"?{urlencode(params)}" if params else "")
        answer = await self.send("GET", target)
        if answer.status == 404 and "missing" in on:
            return None
        if answer.status >= 400:
            raise _refused(path, answer)
        try:
            return json.loads(answer.body)
        except ValueError as error:
            raise _unreachable(self.endpoint, error) from error


def _refused(path: str, answer: Answer) -> RunClaudeError:
    from run_claude.domain.diagnosis import engine_refused

    return engine_refused(path, answer.status, answer.text)


def _unreachable(endpoint: Endpoint, error: BaseException) -> RunClaudeError:
    from run_claude.domain.diagnosis import engine_unreachable  # needed only after a failure

    return engine_unreachable(endpoint.host, error, installed=has_docker_cli())

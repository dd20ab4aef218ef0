"""A Docker engine that does as it is told: the API calls run-claude makes, on a unix socket, with every fault.

It answers the real clients (aiodocker, h11) in the engine's own words. What *is* (``becomes``) and what is *said*
(``says``) are separate, because in a real engine they are: an event can be lost, doubled, late or wrong.
"""

from __future__ import annotations

import asyncio
import io
import json
import platform
import re
import tarfile
import time
from collections import Counter, deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from run_claude.domain.lifecycle import Phase, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Self

__all__ = ["RING", "Container", "Dialect", "FakeEngine", "Hold"]

Json = dict[str, Any]

RING = 256  # events of all kinds that an engine keeps for `since`
_ZERO_TIME = "0001-01-01T00:00:00Z"
_SINCE = re.compile(r"\d+(\.\d{1,9})?")
_VERSION_PREFIX = re.compile(r"^/v\d+\.\d+(?=/)")


class Dialect(Enum):
    """Whose words the engine uses."""

    DOCKER = "docker"  # up to API 1.51: with `status`, `id` and `from` in each event
    DOCKER_1_52 = "docker-1.52"  # without


def rfc3339(at_ns: int) -> str:
    """Return a time as the engine writes it: with nanoseconds."""
    if not at_ns:
        return _ZERO_TIME
    whole = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{at_ns % 1_000_000_000:09d}Z"


_STATUS = {
    Phase.CREATED: ("created", ""),
    Phase.STARTING: ("running", "starting"),
    Phase.HEALTHY: ("running", "healthy"),
    Phase.UNHEALTHY: ("running", "unhealthy"),
    Phase.RESTARTING: ("restarting", "unhealthy"),
    Phase.PAUSED: ("paused", "unhealthy"),  # what engines report for compatibility
    Phase.EXITED: ("exited", "unhealthy"),
    Phase.REMOVING: ("removing", "unhealthy"),
}


@dataclass(eq=False)
class Container:
    """One container. ``becomes`` changes what it is, ``says`` tells an event; the verbs do both, as an engine does."""

    engine: FakeEngine
    service: Service
    id: str
    project: str
    phase: Phase = Phase.HEALTHY
    created_ns: int = 0
    started_ns: int = 0
    finished_ns: int = 0
    exit_code: int = 0
    restarts: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    odd: Json = field(default_factory=dict)  # what inspect shows of its state instead
    cut_off: bool = False  # from its network
    image: str = "run-claude/litellm:test"
    log: list[str] = field(default_factory=list)  # what it has printed
    healthy_ns: int = 0  # when a health check first succeeded
    check: Json = field(default_factory=lambda: {"Healthcheck": {"Test": ["CMD", "/app/healthcheck"]}})
    names: str = ""  # its name, where it is another than Compose's
    volumes: list[str] = field(default_factory=list)  # that are mounted in it
    published: str = ""  # where its port is published: 127.0.0.1:4444
    image_id: str = ""  # of the image that it was made from, where the tag is another image now

    @property
    def name(self) -> str:
        """Its name, as Compose is told to give it."""
        return self.names or f"{self.project}-{self.service}"

    @property
    def all_labels(self) -> dict[str, str]:
        """Compose's labels and its own."""
        return {
            "com.docker.compose.project": self.project,
            "com.docker.compose.service": self.service.value,
            "com.docker.compose.oneoff": "False",
            **self.labels,
        }

    def becomes(self, phase: Phase, *, exit: int = 0) -> None:
        """Change what it is, and say nothing."""
        now = self.engine.now()
        was_running = self.phase in (Phase.STARTING, Phase.HEALTHY, Phase.UNHEALTHY, Phase.PAUSED)
        if phase in (Phase.STARTING, Phase.HEALTHY) and not was_running:
            self.started_ns = now
        if phase is Phase.HEALTHY:
            self.healthy_ns = now
        if phase in (Phase.EXITED, Phase.RESTARTING):
            self.finished_ns, self.exit_code = now, exit
        self.phase = phase

    def says(self, action: str, *, exit: int | None = None, signal: int | None = None) -> Json:
        """Tell an event, whatever is. Return it as it was told."""
        attributes = {"name": self.name, "image": "run-claude/litellm:test", **self.all_labels}
        if exit is not None:
            attributes["exitCode"] = str(exit)
        if signal is not None:
            attributes["signal"] = str(signal)
        at_ns = self.engine.now()
        return self.engine.tell(
            {
                "status": action,
                "id": self.id,
                "from": "run-claude/litellm:test",
                "Type": "container",
                "Action": action,
                "Actor": {"ID": self.id, "Attributes": attributes},
                "scope": "local",
                "time": at_ns // 1_000_000_000,
                "timeNano": at_ns,
            }
        )

    def dies(self, exit: int = 1) -> None:
        """Exit, without a restart policy."""
        self.becomes(Phase.EXITED, exit=exit)
        self.says("die", exit=exit)

    def starts(self) -> None:
        """Start, or start again."""
        self.becomes(Phase.STARTING)
        self.says("start")

    def turns(self, phase: Phase) -> None:
        """Change its health."""
        self.becomes(phase)
        self.says(f"health_status: {phase.value}")

    def goes(self) -> None:
        """Be removed."""
        self.engine.containers.remove(self)
        self.says("destroy")

    def inspected(self) -> Json:
        """Return what inspect shows."""
        status, health = _STATUS[self.phase]
        state: Json = {
            "Status": status,
            "Running": status in ("running", "paused", "restarting"),
            "ExitCode": self.exit_code,
            "OOMKilled": False,
            "Error": "",
            "StartedAt": rfc3339(self.started_ns),
            "FinishedAt": rfc3339(self.finished_ns),
        }
        if health:
            probes = [{"ExitCode": 0, "End": rfc3339(self.healthy_ns)}] if self.healthy_ns else []
            state["Health"] = {"Status": health, "FailingStreak": 0, "Log": probes}
        return {
            "Id": self.id,
            "Image": self.image_id or self.engine.image_ids.get(self.image, "sha256:1"),
            "Name": f"/{self.name}",
            "Created": rfc3339(self.created_ns),
            "RestartCount": self.restarts,
            "State": state | self.odd,
            "Config": {"Image": self.image, "Labels": self.all_labels, "Tty": True} | self.check,
            "HostConfig": {"NetworkMode": "net", "PortBindings": self._bindings()},
            "NetworkSettings": {"Networks": {} if self.cut_off else {"net": {"NetworkID": "n1"}}},
        }

    @property
    def port(self) -> int:
        """The published port; 0 without one."""
        return int(self.published.rpartition(":")[2] or 0)

    def _bindings(self) -> Json:
        host, _, port = self.published.rpartition(":")
        return {"1/tcp": [{"HostIp": host.strip("[]"), "HostPort": port}]} if port else {}


@dataclass(eq=False)
class _Watcher:
    """One open ``/events`` stream."""

    writer: asyncio.StreamWriter
    filters: dict[str, list[str]]
    muted: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, event: Json) -> bool:
        """Filter as moby does: labels all, actions any; ``health_status`` turns the actions into prefixes."""
        attributes = event["Actor"]["Attributes"]
        for label in self.filters.get("label", []):
            key, _, value = label.partition("=")
            if attributes.get(key) != value:
                return False
        types, actions = self.filters.get("type", []), self.filters.get("event", [])
        if types and event["Type"] not in types:
            return False
        if "health_status" in actions:
            return any(event["Action"].startswith(action) for action in actions)
        return not actions or event["Action"] in actions

    def send(self, data: bytes) -> None:
        """Send one chunk."""
        if not self.writer.is_closing() and not self.muted:
            self.writer.write(b"%x\r\n%s\r\n" % (len(data), data))


class Hold:
    """Requests held back after their answer was made: it tells what was, when it is sent at last."""

    def __init__(self, fragment: str) -> None:
        self.fragment = fragment
        self.reached = asyncio.Event()
        self.released = asyncio.Event()


class FakeEngine:
    """The engine. ``async with`` starts and stops it."""

    def __init__(self, socket: Path, *, dialect: Dialect = Dialect.DOCKER) -> None:
        self.socket = socket
        self.dialect = dialect
        self.containers: list[Container] = []
        self.ring: deque[Json] = deque(maxlen=RING)
        self.watchers: set[_Watcher] = set()
        self.requests: Counter[str] = Counter()  # by the path's pattern
        self.subscribed_since: list[str | None] = []
        self.speaks = ""  # another API version than its dialect's
        self.host: Json = {"Name": platform.node(), "KernelVersion": platform.release()}  # what `/info` says of it
        self.sees_files = True  # the sources of mounts that it is asked for
        self.headers: dict[str, str] = {}  # of each answer, besides its own
        self.silent = False  # events are neither sent nor kept: lost
        self.images: set[str] = set()  # references of those that it has
        self.variables: dict[str, list[str]] = {}  # of an image, by its reference
        self.digests: dict[str, Json] = {}  # what inspect shows of an image besides
        self.files: dict[str, dict[str, bytes]] = {}  # of an image by its reference, or of a volume by its name
        self.created: dict[str, Json] = {}  # containers that are never started: to be read, or filled
        self.sizes: dict[str, int] = {}  # of an image by its reference, or of a volume by its name; by default 1 MB
        self.layers: dict[str, list[str]] = {}  # of an image, by its reference
        self.volumes: dict[str, str] = {}  # volumes, and the Compose project that has made each
        self.networks: dict[str, str] = {}  # networks, likewise
        self.image_ids: dict[str, str] = {}  # of images, by reference, where it matters
        self.refused: dict[str, str] = {}  # what is not removed, by name, and the engine's reason
        self.removed: list[str] = []  # what was removed over the API, in order: `/volumes/NAME`
        self.used: list[str] = []  # containers that were read or filled, in order
        self.stopped: list[str] = []  # names of the containers that were stopped over the API
        self.failing: dict[str, int] = {}  # the beginning of a path → how often it still answers 500; -1: always
        self.failing_with = "the engine is in trouble"
        self.failing_status = 500
        self.after_headers: Callable[[], object] | None = None  # called between headers and subscription, once
        self._answering = asyncio.Event()
        self._answering.set()
        self._holds: list[Hold] = []
        self._server: asyncio.Server | None = None
        self._handlers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._noticed = asyncio.Event()
        self._last_ns = 0
        self._clock_ns = 0
        self._made = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # --- its life ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen."""
        self.socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, path=str(self.socket), backlog=128)

    async def stop(self, *, leave_socket: bool = False) -> None:
        """Go, with every connection.

        :param leave_socket: leave the socket's file, which then refuses connections as a crashed engine's does
        """
        self._answering.set()
        if self._server is not None:
            self._server.close()
            self._server = None
        for task, writer in list(self._handlers.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        if not leave_socket:
            self.socket.unlink(missing_ok=True)
        elif not self.socket.exists():  # from Python 3.13 on the server unlinks it itself
            import socket

            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(str(self.socket))

    async def restart(self) -> None:
        """Go and come back, with an empty ring as a daemon does."""
        await self.stop()
        self.ring.clear()
        await self.start()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._handlers)

    async def until(self, done: Callable[[FakeEngine], bool]) -> None:
        """Return once ``done``: asked again at each connection that closes and each subscription that begins."""
        while not done(self):
            await self._noticed.wait()

    def _notice(self) -> None:
        self._noticed.set()
        self._noticed = asyncio.Event()

    @property
    def looks(self) -> int:
        """How often it was asked for the containers."""
        return self.requests["/containers/json"]

    def now(self) -> int:
        """Return its clock: never twice the same time."""
        self._last_ns = max(time.time_ns() + self._clock_ns, self._last_ns + 1)
        return self._last_ns

    def set_clock(self, seconds: float) -> None:
        """Set its clock to so many seconds beside ours."""
        self._clock_ns = int(seconds * 1e9)
        self._last_ns = 0

    # --- what it has and says ---------------------------------------------------------------------------------

    def container(self, service: Service, phase: Phase = Phase.HEALTHY, *, project: str = "test") -> Container:
        """Add a container, and say nothing."""
        self._made += 1
        now = self.now()
        made = Container(
            engine=self,
            service=service,
            id=f"{self._made:064x}",
            project=project,
            phase=phase,
            created_ns=now,
            started_ns=0 if phase is Phase.CREATED else now,
        )
        self.containers.append(made)
        return made

    def tell(self, event: Json) -> Json:
        """Keep an event in the ring and send it to whoever watches; lose it while silent."""
        if not self.silent:
            self.ring.append(event)
            for watcher in self.watchers:
                if watcher.wants(event):
                    watcher.send(self._encoded(event))
        return event

    def send_raw(self, data: bytes) -> None:
        """Send bytes to whoever watches."""
        for watcher in self.watchers:
            watcher.send(data)

    def garble(self) -> None:
        """Send a line that is no JSON."""
        self.send_raw(b'{"Type":"container","Act\xff\n')

    def _encoded(self, event: Json) -> bytes:
        told = dict(event)
        if self.dialect is not Dialect.DOCKER:
            for key in ("status", "id", "from"):
                told.pop(key, None)
        return json.dumps(told).encode() + b"\n"

    # --- faults -----------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Break every event stream in the middle."""
        for watcher in list(self.watchers):
            watcher.writer.transport.abort()
            watcher.ended.set()
            self.watchers.discard(watcher)

    def end(self) -> None:
        """End every event stream as a stopping engine does."""
        for watcher in list(self.watchers):
            watcher.writer.write(b"0\r\n\r\n")
            watcher.ended.set()
            self.watchers.discard(watcher)

    def mute(self) -> None:
        """Send nothing more on the event streams that are open: their peer is gone and nobody has noticed."""
        for watcher in self.watchers:
            watcher.muted = True

    def freeze(self) -> None:
        """Accept connections and requests, and answer nothing (SIGSTOP)."""
        self._answering.clear()

    def thaw(self) -> None:
        """Answer again, also what was asked meanwhile."""
        self._answering.set()

    @contextmanager
    def holding(self, fragment: str) -> Iterator[Hold]:
        """Hold back the made answers to requests whose path contains ``fragment``, until released or left."""
        hold = Hold(fragment)
        self._holds.append(hold)
        try:
            yield hold
        finally:
            self._holds.remove(hold)
            hold.released.set()

    # --- HTTP -------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers[task] = writer
        try:
            # Cancelled is how it is stopped; asyncio would log a cancelled handler as an error.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._request(reader, writer):
                    pass
        finally:
            del self._handlers[task]
            writer.transport.abort() if writer.transport.is_closing() else writer.close()
            self._notice()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection can take another one."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target = head.split(" ", 2)[:2]
        length = re.search(r"(?im)^content-length: *([0-9]+)", head)
        content = await reader.readexactly(int(length[1]) if length else 0)
        url = urlsplit(target)
        path = _VERSION_PREFIX.sub("", unquote(url.path))
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.requests[re.sub(r"^/containers/[^/]+/json$", "/containers/{id}/json", path)] += 1
        await self._answering.wait()
        if self._fails(path):
            return await self._answer(writer, path, self.failing_status, {"message": self.failing_with})
        if path == "/events":
            await self._events(reader, writer, query)
            return False
        if (ordered := self._ordered(method, path)) is not None:
            return await self._answer(writer, path, *ordered)
        if method in ("POST", "DELETE") or path.endswith("/archive"):
            return await self._answer(writer, path, *self._probed(method, path, query, content))
        return await self._answer(writer, path, *self._result(path, query))

    def _ordered(self, method: str, path: str) -> tuple[int, object] | None:
        """Stop or remove one thing; ``None`` for what is no such order."""
        if method == "POST" and (found := re.fullmatch(r"/containers/([^/]+)/stop", path)):
            for container in [row for row in self.containers if row.id == found[1]]:
                container.becomes(Phase.EXITED)
                self.stopped.append(container.name)
            return 204, b""
        if method != "DELETE":
            return None
        kind, _, name = path.lstrip("/").partition("/")
        if name in self.refused:
            return 409, {"message": self.refused[name]}
        if kind == "containers" and (ours := [row for row in self.containers if row.id == name]):
            ours[0].goes()
        elif kind == "images" and name in self.images:
            if any(container.image == name for container in self.containers):
                return 409, {"message": f"conflict: unable to remove {name}: container is using it"}
            self.images.discard(name)
        elif kind == "volumes" and name in self.volumes:
            if any(name in container.volumes for container in self.containers):
                return 409, {"message": f"remove {name}: volume is in use"}
            del self.volumes[name]
            self.files.pop(name, None)
        elif kind == "networks" and name in self.networks:
            del self.networks[name]
        else:
            return None
        self.removed.append(path)
        return 204, b""

    def _probed(self, method: str, path: str, query: dict[str, str], content: bytes) -> tuple[int, object]:
        """Create, read, fill and remove a container that never runs; create a volume."""
        if path == "/containers/create" and "name" not in query:  # a mount without an image
            missing = "No such image: none" if self.sees_files else "bind source path does not exist: /x"
            return 404 if self.sees_files else 400, {"message": missing}
        if path == "/volumes/create":
            wanted = json.loads(content)
            self.volumes.setdefault(wanted["Name"], wanted["Labels"]["com.docker.compose.project"])
            return 201, wanted
        if method == "POST":
            self.created[query["name"]] = json.loads(content)
            return 201, {"Id": query["name"]}
        name = path.split("/")[2]
        if method == "DELETE":
            return (204, b"") if self.created.pop(name, None) else (404, {"message": "no such container"})
        self.used.append(name)
        if method == "PUT":
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                for member in (member for member in tar if member.isfile()):
                    volume, _, inside = member.name.partition("/")
                    read = tar.extractfile(member)
                    self.files.setdefault(volume, {})[inside] = read.read() if read else b""
            return 200, b""
        volume, at = self.created[name]["HostConfig"]["Binds"][0].split(":")[:2]
        wanted = query["path"]
        place, file = (
            (volume, wanted.removeprefix(f"{at}/")) if wanted.startswith(at) else (self.created[name]["Image"], wanted)
        )
        found = self.files.get(place, {}).get(file)
        if found is None:
            return 404, b"" if method == "HEAD" else {"message": "no such file"}
        if method == "HEAD":
            return 200, b""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            member = tarfile.TarInfo(file.rpartition("/")[2])
            member.size = len(found)
            tar.addfile(member, io.BytesIO(found))
        return 200, archive.getvalue()

    def _fails(self, path: str) -> bool:
        for beginning, left in self.failing.items():
            if path.startswith(beginning) and left:
                self.failing[beginning] = left - 1 if left > 0 else left
                return True
        return False

    @property
    def api_version(self) -> str:
        return self.speaks or ("1.52" if self.dialect is Dialect.DOCKER_1_52 else "1.45")

    def _result(self, path: str, query: dict[str, str]) -> tuple[int, object]:
        if path == "/_ping":
            return 200, "OK"
        if (probe := re.fullmatch(r"/containers/([^/]+)/json", path)) and probe[1] in self.created:
            return 200, {"Name": f"/{probe[1]}", "Config": {"Labels": self.created[probe[1]].get("Labels")}}
        if path == "/version":
            return 200, {"Version": "26.1.5", "ApiVersion": self.api_version, "MinAPIVersion": "1.24"}
        if path == "/info":
            return 200, {"SystemTime": rfc3339(self.now()), "SecurityOptions": ["name=seccomp"]} | self.host
        if path == "/containers/json":
            filters = json.loads(query.get("filters", "{}"))
            labels = filters.get("label", [])
            return 200, [
                {
                    "Id": container.id,
                    "Names": [f"/{container.name}"],
                    "Ports": [{"PublicPort": port}] if (port := container.port) else [],
                    "Labels": container.all_labels,
                    "ImageID": f"sha256:{container.image}",
                    "State": _STATUS[container.phase][0],
                    "Mounts": [{"Type": "volume", "Name": name} for name in container.volumes],
                }
                for container in self.containers
                if all(f"{container.port}/tcp" == wanted for wanted in filters.get("publish", []))
                and all(container.all_labels.get(key) == value for key, _, value in (x.partition("=") for x in labels))
            ]
        if path == "/images/json":
            return 200, [
                {"Id": f"sha256:{name}", "RepoTags": [name], "Size": self.sizes.get(name, 1_000_000), "SharedSize": 0}
                for name in sorted(self.images)
            ]
        if path == "/volumes":
            return 200, {"Volumes": [self._labelled(name, project) for name, project in self.volumes.items()]}
        if path == "/networks":
            return 200, [self._labelled(name, project) | {"Id": name} for name, project in self.networks.items()]
        if path == "/system/df":
            usage = [{"Name": name, "UsageData": {"Size": self.sizes.get(name, 1_000_000)}} for name in self.volumes]
            return 200, {"Volumes": usage}
        if (found := re.fullmatch(r"/images/sha256:(.+)/json", path)) and found[1] in self.images:
            return 200, {"Id": f"sha256:{found[1]}", "RootFS": {"Layers": self.layers.get(found[1], [found[1]])}}
        if found := re.fullmatch(r"/images/(.+)/json", path):
            if found[1] not in self.images:
                return 404, {"message": "no image"}
            known = {
                "Id": self.image_ids.get(found[1], "sha256:1"),
                "Size": 1,
                "Config": {"Env": self.variables.get(found[1], [])},
            }
            return 200, known | self.digests.get(found[1], {})
        if found := re.fullmatch(r"/volumes/(.+)", path):
            there = found[1] in self.files or found[1] in self.volumes
            return (200, {"Name": found[1]}) if there else (404, {"message": "no volume"})
        if found := re.fullmatch(r"/containers/([^/]+)/logs", path):
            stamped = query.get("timestamps") in ("1", "true", "True")
            stamp = f"{rfc3339(self.now())} " if stamped else ""
            lines = [line for container in self.containers if container.id == found[1] for line in container.log]
            return 200, "".join(f"{stamp}{line}\n" for line in lines).encode()
        if found := re.fullmatch(r"/containers/([^/]+)/json", path):
            for container in self.containers:
                if found[1] in (container.id, container.name):
                    return 200, container.inspected()
            return 404, {"message": f"No such container: {found[1]}"}
        return 404, {"message": "page not found"}

    @staticmethod
    def _labelled(name: str, project: str) -> Json:
        return {"Name": name, "Labels": {"com.docker.compose.project": project} if project else None}

    async def _answer(self, writer: asyncio.StreamWriter, path: str, status: int, body: object) -> bool:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        for hold in list(self._holds):
            if hold.fragment in path:
                hold.reached.set()
                await hold.released.wait()
        headers = {
            "Content-Type": "application/json",
            "Api-Version": self.api_version,
            "Content-Length": str(len(data)),
            **self.headers,
        }
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + data)
        await writer.drain()
        return True

    async def _events(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, query: dict[str, str]) -> None:
        since = query.get("since")
        self.subscribed_since.append(since)
        if since is not None and not _SINCE.fullmatch(since):
            await self._answer(writer, "/events", 500, {"message": "failed to parse since"})
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        await writer.drain()
        # The gap of the real engine: the headers are out, and nobody is subscribed yet.
        hook, self.after_headers = self.after_headers, None
        if hook is not None:
            hook()
        watcher = _Watcher(writer, json.loads(query.get("filters", "{}")))
        if since is not None:
            seconds, _, fraction = since.partition(".")
            since_ns = int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0") or "0")
            for event in self.ring:
                if event["timeNano"] >= since_ns and watcher.wants(event):
                    watcher.send(self._encoded(event))
        self.watchers.add(watcher)
        self._notice()
        gone = asyncio.ensure_future(reader.read())
        ended = asyncio.ensure_future(watcher.ended.wait())
        try:
            await asyncio.wait({gone, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.watchers.discard(watcher)
            ended.cancel()
            gone.cancel()
            await asyncio.gather(gone, ended, return_exceptions=True)

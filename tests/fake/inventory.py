"""What the fake engine has: containers, images, volumes, networks; and what it answers when asked for them."""

from __future__ import annotations

import io
import json
import platform
import re
import tarfile
import time
from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Phase
from tests.fake.container import Container, Json, rfc3339

if TYPE_CHECKING:
    from run_claude.domain.lifecycle import Service

__all__ = ["Dialect", "Inventory"]


class Dialect(Enum):
    """Whose words the engine uses."""

    DOCKER = "docker"  # up to API 1.51: with `status`, `id` and `from` in each event
    DOCKER_1_52 = "docker-1.52"  # without


class Inventory(ABC):
    """Everything of an engine but its socket and its events: a request is answered by status and body."""

    def __init__(self, *, dialect: Dialect = Dialect.DOCKER) -> None:
        self.dialect = dialect
        self.containers: list[Container] = []
        self.speaks = ""  # another API version than its dialect's
        self.host: Json = {"Name": platform.node(), "KernelVersion": platform.release()}  # what `/info` says of it
        self.sees_files = True  # the sources of mounts that it is asked for
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
        self._last_ns = 0
        self._clock_ns = 0
        self._made = 0

    def now(self) -> int:
        """Return its clock: never twice the same time."""
        self._last_ns = max(time.time_ns() + self._clock_ns, self._last_ns + 1)
        return self._last_ns

    def set_clock(self, seconds: float) -> None:
        """Set its clock to so many seconds beside ours."""
        self._clock_ns = int(seconds * 1e9)
        self._last_ns = 0

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

    @abstractmethod
    def tell(self, event: Json) -> Json:
        """Tell an event of a container, and return it."""

    @property
    def api_version(self) -> str:
        return self.speaks or ("1.52" if self.dialect is Dialect.DOCKER_1_52 else "1.45")

    def result(self, method: str, path: str, query: dict[str, str], content: bytes) -> tuple[int, object]:
        """Do what is asked, and return what the engine answers: a status, and JSON or bytes."""
        if (ordered := self._ordered(method, path)) is not None:
            return ordered
        if method in ("POST", "DELETE") or path.endswith("/archive"):
            return self._probed(method, path, query, content)
        return self._shown(path, query)

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

    def _shown(self, path: str, query: dict[str, str]) -> tuple[int, object]:
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
                container.listed()
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

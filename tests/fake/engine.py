"""A Docker engine that does as it is told: the API calls run-claude makes, on a unix socket, with every fault.

It answers the real clients (aiodocker, h11) in the engine's own words. What *is* (``becomes``) and what is *said*
(``says``) are separate, because in a real engine they are: an event can be lost, doubled, late or wrong.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fake.container import Container, Json
from tests.fake.inventory import Dialect, Inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Self

__all__ = ["RING", "Container", "Dialect", "FakeEngine", "Hold"]

RING = 256  # events of all kinds that an engine keeps for `since`
_SINCE = re.compile(r"\d+(\.\d{1,9})?")
_VERSION_PREFIX = re.compile(r"^/v\d+\.\d+(?=/)")


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


class FakeEngine(Inventory):
    """The engine. ``async with`` starts and stops it."""

    def __init__(self, socket: Path, *, dialect: Dialect = Dialect.DOCKER) -> None:
        super().__init__(dialect=dialect)
        self.socket = socket
        self.ring: deque[Json] = deque(maxlen=RING)
        self.watchers: set[_Watcher] = set()
        self.requests: Counter[str] = Counter()  # by the path's pattern
        self.subscribed_since: list[str | None] = []
        self.headers: dict[str, str] = {}  # of each answer, besides its own
        self.silent = False  # events are neither sent nor kept: lost
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

    # --- what it says -----------------------------------------------------------------------------------------

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
        return await self._answer(writer, path, *self.result(method, path, query, content))

    def _fails(self, path: str) -> bool:
        for beginning, left in self.failing.items():
            if path.startswith(beginning) and left:
                self.failing[beginning] = left - 1 if left > 0 else left
                return True
        return False

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

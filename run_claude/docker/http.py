"""The HTTP client for the engine's one-shot calls: h11 over asyncio streams.

Why not httpx: importing it takes 70 ms, a quarter of a whole `proxy status`, and a local engine needs no connection
pool, proxy, cookie or redirect. Why not anyio's sockets: if a unix socket becomes readable at the moment of a
cancellation, anyio 4 sets the result of a cancelled future, and asyncio prints a traceback.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel
import h11

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from run_claude.docker.endpoint import Endpoint

__all__ = ["Answer", "HttpClient", "HttpError"]

_CHUNK = 65536  # bytes


class HttpError(Exception):
    """The connection broke, or the other side does not speak HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status code, headers (names in lower case), body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


class HttpClient:
    """Connections to one engine, kept open between requests. Open with :meth:`connect`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._tls = endpoint.ssl_context()
        self._idle: list[_Connection] = []

    @classmethod
    @asynccontextmanager
    async def connect(cls, endpoint: Endpoint) -> AsyncIterator[HttpClient]:
        """Yield a client; it connects at the first request.

        :raises EngineError: if a certificate file cannot be read
        """
        client = cls(endpoint)
        try:
            yield client
        finally:
            with anyio.CancelScope(shield=True):
                for connection in client._idle:
                    connection.abort()
                await anyio.lowlevel.checkpoint()  # lets asyncio close them

    async def get(self, target: str, *, within: float) -> Answer:
        """Send a GET and return the response, whatever its status.

        :param within: seconds for the whole call
        :raises OSError: if nothing accepts the connection
        :raises TimeoutError: if the response does not arrive in time
        :raises HttpError: if the connection breaks
        """
        return await self.send("GET", target, b"", within=within)

    async def send(
        self, method: str, target: str, body: bytes, *, within: float, kind: str = "application/json"
    ) -> Answer:
        """Send a request, with a body if there is one, and return the response. Only a GET is retried.

        :param within: seconds for the whole call
        :param kind: media type of the body
        :raises OSError: if nothing accepts the connection
        :raises TimeoutError: if the response does not arrive in time
        :raises HttpError: if the connection breaks
        """
        with anyio.fail_after(within):
            while self._idle and method == "GET":  # the engine may have closed an idle connection
                try:
                    return await self._exchange(self._idle.pop(), method, target, body, kind)
                except HttpError:
                    continue
            return await self._exchange(_Connection(*await self._dial()), method, target, body, kind)

    async def _exchange(self, connection: _Connection, method: str, target: str, body: bytes, kind: str) -> Answer:
        try:
            answer = await connection.send(method, target, body, kind)
        except BaseException as error:
            connection.abort()
            if isinstance(error, OSError | anyio.EndOfStream | h11.ProtocolError):
                raise HttpError(str(error) or type(error).__name__) from error
            raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.abort()
        return answer

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._endpoint.socket is not None:
            return await asyncio.open_unix_connection(str(self._endpoint.socket))
        address = urlsplit(self._endpoint.url)
        host, port = address.hostname or "localhost", address.port or (2376 if self._tls else 2375)
        return await asyncio.open_connection(host, port, ssl=self._tls)


class _Connection:
    """One connection, which carries one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @property
    def reusable(self) -> bool:
        """Whether it can carry another request; if so, it is ready for one."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False

    def abort(self) -> None:
        """Close it at once."""
        self._writer.transport.abort()

    async def send(self, method: str, target: str, content: bytes, kind: str) -> Answer:
        headers = {"Host": "docker", "User-Agent": "run-claude"}
        if content:
            headers |= {"Content-Type": kind, "Content-Length": str(len(content))}
        request = h11.Request(method=method, target=target, headers=list(headers.items()))
        parts = (request, *([h11.Data(content)] if content else []), h11.EndOfMessage())
        self._writer.write(b"".join(self._http.send(part) or b"" for part in parts))
        await self._writer.drain()
        status, headers, body = 0, {}, bytearray()
        while True:
            event = self._http.next_event()
            match event:
                case h11.Response():
                    status = event.status_code
                    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                case h11.Data():
                    body += event.data
                case h11.EndOfMessage():
                    return Answer(status, headers, bytes(body))
                case h11.ConnectionClosed():
                    raise anyio.EndOfStream
                case h11.NEED_DATA:
                    self._http.receive_data(await self._reader.read(_CHUNK))  # h11 judges an early end
                case h11.InformationalResponse():
                    pass
                case _:
                    raise h11.RemoteProtocolError(f"expected a response, got {event!r}")

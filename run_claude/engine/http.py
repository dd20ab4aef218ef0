"""GET requests to the engine over HTTP/1.1: h11 on anyio's sockets.

Not httpx: importing it takes 70 ms, a quarter of a whole `proxy status`, for connection pools, proxies, cookies and
redirects that an engine on this machine has no use for.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import h11

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import ByteStream

    from run_claude.engine.endpoint import Endpoint

__all__ = ["Answer", "HttpClient", "HttpError"]

_CHUNK = 65536  # bytes


class HttpError(Exception):
    """The other side broke the connection, or does not speak HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status code, headers (names in lower case), body."""

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
                    await anyio.aclose_forcefully(connection.stream)

    async def get(self, target: str, *, within: float) -> Answer:
        """Return the answer to a GET, whatever its status.

        :param within: seconds
        :raises OSError: if nobody accepts the connection
        :raises TimeoutError: if there is no answer in time
        :raises HttpError: if the connection breaks on the way
        """
        with anyio.fail_after(within):
            while self._idle:  # one that the engine has closed meanwhile is not the engine's last word
                try:
                    return await self._exchange(self._idle.pop(), target)
                except HttpError:
                    continue
            return await self._exchange(_Connection(await self._dial()), target)

    async def _exchange(self, connection: _Connection, target: str) -> Answer:
        try:
            answer = await connection.get(target)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(connection.stream)
            if isinstance(error, OSError | anyio.BrokenResourceError | anyio.EndOfStream | h11.ProtocolError):
                raise HttpError(str(error) or type(error).__name__) from error
            raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            await anyio.aclose_forcefully(connection.stream)
        return answer

    async def _dial(self) -> ByteStream:
        if self._endpoint.socket is not None:
            return await anyio.connect_unix(str(self._endpoint.socket))
        address = urlsplit(self._endpoint.url)
        host, port = address.hostname or "localhost", address.port or (2376 if self._tls else 2375)
        if self._tls is None:
            return await anyio.connect_tcp(host, port)
        return await anyio.connect_tcp(host, port, ssl_context=self._tls, tls_standard_compatible=False)


class _Connection:
    """One connection: one request at a time."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self._http = h11.Connection(h11.CLIENT)

    @property
    def reusable(self) -> bool:
        """Whether another request can go over it; makes it ready for that."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False

    async def get(self, target: str) -> Answer:
        request = h11.Request(method="GET", target=target, headers=[("Host", "docker"), ("User-Agent", "run-claude")])
        await self.stream.send((self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b""))
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
                    self._http.receive_data(await self._receive())
                case h11.InformationalResponse():
                    pass
                case _:
                    raise h11.RemoteProtocolError(f"no answer, but {event!r}")

    async def _receive(self) -> bytes:
        try:
            return await self.stream.receive(_CHUNK)
        except anyio.EndOfStream:
            return b""  # h11 knows whether the answer may end so

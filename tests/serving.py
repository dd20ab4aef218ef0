"""Web servers that tests bring themselves: on a thread, for the time of a block."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Handler", "Served"]


class Handler(BaseHTTPRequestHandler):
    """Answers requests, and says nothing of them on stderr."""

    def answer(self, status: int, data: bytes, kind: str = "") -> None:
        """Send this; ``kind`` is its media type."""
        self.send_response(status)
        if kind:
            self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class Served:
    """A server; a context manager. A subclass says by :meth:`handler` how requests are answered."""

    address: str = "127.0.0.1"  # to listen on
    fixed_port: int = 0  # 0: a free one
    certificate: Path | None = None  # key and certificate in one file: then it speaks TLS

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return the class whose instances answer one connection each."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._server = _Server((self.address, self.fixed_port), self.handler())
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http{'s' if self.certificate else ''}://{self.address}:{self.port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients may go away."""

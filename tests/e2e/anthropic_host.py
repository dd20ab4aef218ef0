"""Anthropic's own host behind an HTTP proxy of a company: it opens tunnels to that host only, and answers in them."""

from __future__ import annotations

import json
import socketserver
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Failure, Text
from tests.conformance.target import TARGETS
from tests.conformance.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["HOST", "AnthropicHost"]

HOST = "api.anthropic.com"
_AUTHORITY = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=a test's authority")
_MAY_SIGN = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")  # which Python 3.13 looks for
_REQUEST = ("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={HOST}")


@dataclass
class AnthropicHost:
    """The proxy and the host in one; a context manager.

    :param folder: for the certificates
    """

    folder: Path
    address: str = "127.0.0.1"
    refusal: Failure | None = None  # what it answers instead of a message
    asked: list[Mapping[str, str]] = field(default_factory=list)  # the headers of each message, names in lower case
    tunnels: list[str] = field(default_factory=list)  # HOST:PORT of each

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def authority(self) -> Path:
        """The certificate that a client has to trust."""
        return self.folder / "ca.pem"

    def __enter__(self) -> AnthropicHost:
        self._certify()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "host.pem", self.folder / "host.key")
        host = self

        class Tunnel(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                target = self.rfile.readline().split()[1].decode()
                while self.rfile.readline().strip():
                    pass
                host.tunnels.append(target)
                if target != f"{HOST}:443":
                    self.wfile.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
                    return
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with context.wrap_socket(self.connection, server_side=True) as inside:
                    _Messages(inside, self.client_address, self.server, host=host)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_: Any) -> None:
                """Say nothing: clients close their tunnels as they like."""

        self._server = Server((self.address, 0), Tunnel)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _certify(self) -> None:
        names = self.folder / "names"
        names.write_text(f"subjectAltName=DNS:{HOST}\nauthorityKeyIdentifier=keyid\n")
        self._openssl(*_AUTHORITY, *_MAY_SIGN, "-keyout", "ca.key", "-out", "ca.pem")
        self._openssl(*_REQUEST, "-keyout", "host.key", "-out", "host.csr")
        signing = ("x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
        self._openssl(*signing, "-days", "2", "-extfile", str(names), "-out", "host.pem")

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, check=True)


class _Messages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, host: AnthropicHost) -> None:
        self.host = host  # before it answers, which it does while it is made
        super().__init__(*arguments)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
        self.host.asked.append({name.lower(): value for name, value in self.headers.items()})
        wire, answer = WIRES["anthropic"], Answer((Text("by subscription"),))
        refused = self.host.refusal
        reply = wire.fail(refused) if refused else wire.say(TARGETS["anthropic"], answer, self.path, body)
        content = b"".join(reply.frames)
        self.send_response(reply.status)
        self.send_header("content-type", reply.kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

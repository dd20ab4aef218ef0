"""A TLS address for an engine that listens on a unix socket, for clients that show a certificate of its authority."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TlsFront"]

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_MAY_SIGN = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")  # which Python 3.13 looks for


@dataclass
class TlsFront:
    """The address, and its certificates; a context manager.

    :param engine: the engine's socket
    :param folder: for ``ca.pem``, ``cert.pem`` and ``key.pem``, as the docker command wants them
    """

    engine: str
    folder: Path

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self._make_certificates()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        context.load_verify_locations(self.folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def host(self) -> str:
        """Its address, as in ``DOCKER_HOST``."""
        return f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that make a docker client use it."""
        return {"DOCKER_HOST": self.host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(self.folder)}

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:  # either side may go away
            client = self._context.wrap_socket(plain, server_side=True)
            with client, socket.socket(socket.AF_UNIX) as engine:
                engine.connect(self.engine)
                answers = threading.Thread(target=_copy, args=(engine, client), daemon=True)
                answers.start()
                _copy(client, engine)
                answers.join()

    def _make_certificates(self) -> None:
        self._openssl(
            "req", "-x509", *_KEY, *_MAY_SIGN, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"
        )
        for name, certificate, use in (("server", "server.pem", "serverAuth"), ("key", "cert.pem", "clientAuth")):
            extensions = f"extendedKeyUsage={use}\nsubjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n"
            (self.folder / "extensions").write_text(extensions)
            key = f"{name}.key" if name == "server" else "key.pem"
            self._openssl("req", *_KEY, "-subj", f"/CN={name}", "-keyout", key, "-out", "request")
            signed = ("x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
            self._openssl(*signed, "-days", "2", "-extfile", "extensions", "-out", certificate)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, check=True)


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Pass on all that comes until one side ends."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        if not isinstance(target, ssl.SSLSocket):
            target.shutdown(socket.SHUT_WR)
            return
    except OSError:
        pass
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

"""Registries of a test's own: they answer as they are told, or have one small image."""

from __future__ import annotations

import hashlib
import io
import json
import ssl
import subprocess
import tarfile
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Answer", "certified", "errors", "nothing", "one_image", "registry"]

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"


class Answer(NamedTuple):
    """What a registry answers."""

    status: int
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}


def errors(status: int, code: str, message: str, **headers: str) -> Callable[[str], Answer]:
    """A registry that answers every request for an image with an error."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda path: Answer(200) if path == "/v2/" else Answer(status, body, told)


nothing = errors(404, "MANIFEST_UNKNOWN", "manifest unknown")


def one_image(*, platform: str = "") -> Callable[[str], Answer]:
    """A registry that has one image of one layer; with a platform, in a list of that platform alone."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("file"), io.BytesIO())
    layer = packed.getvalue()
    config = json.dumps({"os": "linux", "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]}}).encode()
    parts = [("application/vnd.docker.container.image.v1+json", config)]
    parts += [("application/vnd.docker.image.rootfs.diff.tar", layer)]
    described = [{"mediaType": kind, "size": len(data), "digest": _digest(data)} for kind, data in parts]
    document = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": described[0], "layers": described[1:]}
    manifest = json.dumps(document).encode(), _MANIFEST
    if platform:
        made_for = {"os": "linux", "architecture": platform}
        entry = {"mediaType": _MANIFEST, "size": 2, "digest": _digest(b"{}"), "platform": made_for}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [entry]}).encode(), _INDEX
    blobs = {_digest(data): data for _, data in parts}

    def answer(path: str) -> Answer:
        if path == "/v2/":
            return Answer(200)
        if "/manifests/" in path:
            data, kind = manifest
            return Answer(200, data, {"Content-Type": kind, "Docker-Content-Digest": _digest(data)})
        return Answer(200, blobs[path.rpartition("/")[2]], {"Content-Type": "application/octet-stream"})

    return answer


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@contextmanager
def registry(
    answer: Callable[[str], Answer], *, address: str = "127.0.0.1", certificate: Path | None = None
) -> Iterator[str]:
    """Yield the host and port of a registry. On 127.0.0.1 no engine looks at its certificate; BuildKit wants one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, headers = answer(self.path)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer((address, 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.05))
    thread.start()
    try:
        yield f"{address}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certified(folder: Path, *, expired: bool = False) -> Path:
    """Return a certificate that nobody but itself has signed, with its key."""
    path, key, request = folder / "registry.pem", folder / "key.pem", folder / "request.pem"
    made = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=registry"]
    subprocess.run([*made, "-keyout", key, "-out", request], check=True, capture_output=True)
    (folder / "index").write_text("")
    (folder / "serial").write_text("01\n")
    (folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\nnew_certs_dir={folder}\ndatabase={folder}/index\nserial={folder}/serial\n"
        "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
    )
    dates = ["-startdate", "20200101000000Z", "-enddate", "20210101000000Z" if expired else "20991231000000Z"]
    signed = ["openssl", "ca", "-batch", "-notext", "-selfsign", "-config", f"{folder}/ca.cnf", *dates]
    subprocess.run([*signed, "-keyfile", key, "-in", request, "-out", path], check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return path

"""A mirror of Prisma's engines on loopback, with stand-ins for the engines: in its layout, with its checksums."""

from __future__ import annotations

import gzip
import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__ = ["Mirror"]

ENGINES = Path(__file__).parent / "engines"


@dataclass
class Mirror:
    """The server; a context manager. ``requests`` are the paths asked for, ``missing`` engines it does not have."""

    missing: frozenset[str] = frozenset()
    requests: list[str] = field(default_factory=list)

    def __enter__(self) -> Mirror:
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.requests.append(self.path)
                data = mirror.file(self.path)
                self.send_response(200 if data is not None else 404)
                self.send_header("content-length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write(data or b"")

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address on this machine's loopback."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def file(self, path: str) -> bytes | None:
        """Return ``/all_commits/HASH/PLATFORM/ENGINE.gz`` or a checksum of it; ``None`` if there is no such file."""
        name = path.rpartition("/")[2].partition(".")[0]
        if not path.startswith("/all_commits/") or name in self.missing or not (ENGINES / name).is_file():
            return None
        content = (ENGINES / name).read_bytes()
        packed = gzip.compress(content, mtime=0)
        match path.partition(f"{name}.")[2]:
            case "gz":
                return packed
            case "gz.sha256":
                return f"{hashlib.sha256(packed).hexdigest()}  {name}.gz\n".encode()
            case "sha256":
                return f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()
            case _:
                return None

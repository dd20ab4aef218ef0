"""A registry of npm on loopback that knows the packages of a lock and serves something else in their place."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Registry"]


class Registry:
    """The server; a context manager. :param lock: a package-lock.json"""

    def __init__(self, lock: Path) -> None:
        packages = json.loads(lock.read_text())["packages"]
        packages.pop("")
        self._versions = {name.rpartition("node_modules/")[2]: row["version"] for name, row in packages.items()}

    def __enter__(self) -> Registry:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                data = registry.answer(unquote(self.path).lstrip("/"))
                self.send_response(200 if data else 404)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

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

    def answer(self, path: str) -> bytes:
        """Return what is at a path: a package's versions, or a file that is not the one of the lock."""
        if path.endswith(".tgz"):
            return b"something else"
        if not (version := self._versions.get(path)):
            return b""
        row = {"name": path, "version": version, "dist": {"tarball": f"{self.url}/{path}-{version}.tgz"}}
        return json.dumps({"name": path, "dist-tags": {"latest": version}, "versions": {version: row}}).encode()

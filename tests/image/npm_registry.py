"""A registry of npm on loopback that knows the packages of a lock and serves something else in their place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.serving import Handler, Served

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Registry"]


class Registry(Served):
    """The server; a context manager. :param lock: a package-lock.json"""

    def __init__(self, lock: Path) -> None:
        packages = json.loads(lock.read_text())["packages"]
        packages.pop("")
        self._versions = {name.rpartition("node_modules/")[2]: row["version"] for name, row in packages.items()}

    def handler(self) -> type[Handler]:
        """Return what answers: packages of the lock, 404 for all others."""
        registry = self

        class Answers(Handler):
            def do_GET(self) -> None:
                data = registry.content(unquote(self.path).lstrip("/"))
                self.answer(200 if data else 404, data)

        return Answers

    def content(self, path: str) -> bytes:
        """Return what is at a path: a package's versions, or a file that is not the one of the lock."""
        if path.endswith(".tgz"):
            return b"something else"
        if not (version := self._versions.get(path)):
            return b""
        row = {"name": path, "version": version, "dist": {"tarball": f"{self.url}/{path}-{version}.tgz"}}
        return json.dumps({"name": path, "dist-tags": {"latest": version}, "versions": {version: row}}).encode()

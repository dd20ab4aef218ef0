"""A mirror of Prisma's engines on loopback, with stand-ins for the engines: in its layout, with its checksums."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from tests.serving import Handler, Served

__all__ = ["Mirror"]

ENGINES = Path(__file__).parent / "engines"


@dataclass
class Mirror(Served):
    """The server; a context manager. ``requests`` are the paths asked for, ``missing`` engines it does not have."""

    missing: frozenset[str] = frozenset()
    requests: list[str] = field(default_factory=list)

    def handler(self) -> type[Handler]:
        """Return what answers: files of the mirror, 404 for all others."""
        mirror = self

        class Answers(Handler):
            def do_GET(self) -> None:
                mirror.requests.append(self.path)
                data = mirror.file(self.path)
                self.answer(200 if data is not None else 404, data or b"")

            do_HEAD = do_GET

        return Answers

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

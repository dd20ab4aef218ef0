"""Name litellm's image by its content, so that nothing is built twice and nothing stale is started."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from run_claude.config.files import read_bytes
from run_claude.config.settings import Prisma

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from run_claude.config.settings import Settings

__all__ = ["REPOSITORY", "litellm_image"]

REPOSITORY = "run-claude-litellm"

# The files that the Dockerfile copies. The others in the folder are used at run time only.
_INPUTS = ("litellm.Dockerfile", ".dockerignore", "requirements*.txt", "litellm/**/*", "callbacks/**/*")
_LEFT_BESIDE = (".new", ".old", ".pyc", ".tmp")


def litellm_image(settings: Settings, coming: Mapping[str, bytes | None] | None = None) -> str:
    """Return the image's full reference, whose tag is a hash of the build inputs on disk and the build settings.

    Proxies, package indexes and CAs are not inputs: the lock's hashes pin the packages.

    :param coming: files of the services folder that will be others: their content by name, ``None`` for one that goes
    :raises ConfigError: if an input cannot be read
    """
    digest = hashlib.sha256()
    mirror = settings.prisma_mirror if settings.prisma is Prisma.NATIVE else ""
    build_settings = f"{settings.python_image}\n{settings.prisma}\n{mirror}\n"
    digest.update(build_settings.encode())
    contents: dict[PurePosixPath, bytes | None] = {
        PurePosixPath(path.relative_to(settings.paths.services).as_posix()): read_bytes(path)
        for path in _inputs(settings.paths.services)
    }
    contents |= {PurePosixPath(name): data for name, data in (coming or {}).items() if _is_input(PurePosixPath(name))}
    for name, data in sorted(contents.items()):
        if data is not None:
            digest.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return f"{REPOSITORY}:{digest.hexdigest()[:12]}"


def _inputs(services: Path) -> Iterator[Path]:
    found = {path for pattern in _INPUTS for path in services.glob(pattern)}
    for path in sorted(found):
        if path.is_file() and path.suffix not in _LEFT_BESIDE and "__pycache__" not in path.parts:
            yield path


def _is_input(name: PurePosixPath) -> bool:
    if len(name.parts) == 1:
        return any(name.match(pattern) for pattern in _INPUTS[:3])
    return name.parts[0] in ("litellm", "callbacks")

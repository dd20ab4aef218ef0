"""The base images: which image each tag is, taken note of at every build and pull, and told when it is another one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from run_claude.state import history
from run_claude.state.bases import Base, load_bases, record_base

if TYPE_CHECKING:
    from run_claude.stack.session import Session

__all__ = ["FromLines", "moved_bases", "record"]

# In BuildKit's plain progress: `#5 [uv 1/2] FROM docker.io/library/python:3.13-slim@sha256:…`
_FROM = re.compile(r"#\d+ \[[^\]]*\] FROM (?:docker\.io/(?:library/)?)?(\S+)@(sha256:[0-9a-f]{64})")


class FromLines:
    """Finds the digests in the output of a build: an image that BuildKit pulls is in no list of the engine's."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}

    def __call__(self, line: str) -> None:
        """Take a line of the build."""
        if found := _FROM.match(line):
            self.digests[found[1]] = found[2]


async def record(session: Session, reference: str, digest: str = "") -> None:
    """Take note of which image a tag is now; tell if it was another one the last time.

    :param digest: as a build has found it; by default that of the engine's image
    :raises EngineError: if the engine cannot be asked
    :raises ConfigError: if it cannot be written
    """
    paths = session.settings.paths
    if not digest:
        image = await session.api.image(reference)
        digest = image.digest if image is not None else ""
    if not digest:
        return
    known = load_bases(paths.bases_file).get(reference)
    base = record_base(paths.bases_file, reference, digest)
    if base.before and (known is None or known.digest != digest):
        session.reporter.note(f"{reference} is another image than before: {base.words}")
        facts = {"image": reference, "before": base.before, "digest": digest}
        history.append(paths.history_file, "base-image-changed", facts)


async def moved_bases(session: Session) -> tuple[str, ...]:
    """Return which tags are other images than before, in words.

    :raises EngineError: if the engine cannot be asked
    """
    settings, told = session.settings, []
    known = load_bases(settings.paths.bases_file)
    for reference in (settings.python_image, settings.timescaledb_image):
        if (base := known.get(reference)) is None:
            continue
        image = await session.api.image(reference)
        if image is not None and image.digest not in ("", base.digest):
            told.append(f"{reference} is another image now: {Base(image.digest, base.digest).words}")
        elif base.before:
            told.append(f"{reference} has become another image at its last build or pull: {base.words}")
    return tuple(told)

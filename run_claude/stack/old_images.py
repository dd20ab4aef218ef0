"""Remove the images of earlier starts, which nothing uses any more."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from run_claude.docker.belongings import belongings, remove_image
from run_claude.domain.lifecycle import Service
from run_claude.domain.sizes import size
from run_claude.errors import RunClaudeError
from run_claude.state.deployed import load_deployment
from run_claude.state.images import forget_images, load_images, record_image
from run_claude.state.instances import instances

if TYPE_CHECKING:
    from run_claude.config.paths import Paths
    from run_claude.domain.lifecycle import Snapshot
    from run_claude.stack.session import Session

__all__ = ["record_and_clear_images"]


async def record_and_clear_images(session: Session, before: Snapshot, now: Snapshot) -> None:
    """Remember which images a start has ended with, and remove those that earlier ones have made and nothing uses.

    The one that this start has replaced stays until the next: so that an older copy of run-claude can be started again
    at once. An image of another instance stays, and what any container uses. No error: old images only take space.
    """
    with suppress(RunClaudeError):
        path = session.settings.paths.images_file
        used = [now[service].image for service in Service if now[service].image]
        for image in used:
            record_image(path, image)
        kept = {*used, *(before[service].image for service in Service), *_of_others(session.settings.paths)}
        old = [image.reference for image in load_images(path) if image.made and image.reference not in kept]
        if old:
            await _clear(session, old)


async def _clear(session: Session, old: list[str]) -> None:
    found = await belongings(session.api)
    in_use = {container.image for container in found.containers}
    gone: list[str] = []
    removed: list[str] = []
    freed = 0
    for reference in old:
        image = found.image(reference)
        if image is None:
            gone.append(reference)
        elif image.id not in in_use and not await remove_image(session.api, reference):
            removed.append(reference)
            freed += image.own if image.references == (reference,) else 0
    forget_images(session.settings.paths.images_file, [*gone, *removed])
    if removed:
        session.reporter.note(f"Removed {', '.join(removed)}, of earlier starts: {size(freed)} freed.")


def _of_others(paths: Paths) -> set[str]:
    """Return the images that the other instances were started with last, whether they run or not."""
    found = set()
    for name in instances(paths):
        with suppress(RunClaudeError):
            if name != paths.instance:
                deployed = load_deployment(replace(paths, instance=name))
                found |= {deployed.image, deployed.project.variables.get("RUN_CLAUDE_TIMESCALEDB_IMAGE", "")}
    return found

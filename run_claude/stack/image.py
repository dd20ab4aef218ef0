"""Build the proxy's image and pull the database's, or find that they are there."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio

from run_claude.deploy.prepare import put_back, write_plan
from run_claude.domain.lifecycle import Service
from run_claude.errors import BuildError, RunClaudeError
from run_claude.stack.bases import FromLines, record
from run_claude.state.images import record_image

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from run_claude.deploy.plan import Plan
    from run_claude.domain.compose import Project
    from run_claude.stack.session import Session
    from run_claude.state.deployed import Deployment

__all__ = ["build", "build_ahead", "build_if_missing", "fetch", "pull_ahead", "pull_if_missing"]


async def build(session: Session, project: Project, *, no_cache: bool = False) -> None:
    """Build the image, whether it is there or not.

    :raises BuildError: with the step that failed
    """
    session.reporter.step(f"Building the image, with {session.settings.prisma.words}")
    found = FromLines()

    def line(text: str) -> None:
        found(text)
        session.reporter.line(text)

    await session.compose(project).build(Service.LITELLM, no_cache=no_cache, on_line=line)
    _made(session, project.variables.get("RUN_CLAUDE_LITELLM_IMAGE", ""))
    base = project.variables.get("RUN_CLAUDE_PYTHON_IMAGE", "")
    if base:
        await record(session, base, found.digests.get(base, ""))


async def build_ahead(session: Session, planned: Plan, *, anew: bool = False, no_cache: bool = False) -> None:
    """Build the image of a plan that is not started yet. What runs keeps the files that it was started from.

    :param anew: also where the image is there
    :raises BuildError: with the step that failed
    :raises ConfigError: if a file cannot be written
    """
    if not anew and await session.api.image(planned.image) is not None:
        return
    async with _written(session, planned):
        await build(session, planned.project, no_cache=no_cache)


async def pull_ahead(session: Session, planned: Plan) -> None:
    """Pull the database's image of a plan that is not started yet, unless it is there. If it cannot be had, say so.

    The proxy can be started without it.

    :raises EngineError: if the engine cannot be asked
    :raises ConfigError: if a file cannot be written
    """
    image = planned.project.variables.get("RUN_CLAUDE_TIMESCALEDB_IMAGE", "")
    if not image or await session.api.image(image) is not None:
        return
    async with _written(session, planned):
        try:
            await pull_if_missing(session, planned)
        except BuildError as error:
            session.reporter.note(f"{error.message} {error.help} The first start with the database tries again.")


@asynccontextmanager
async def _written(session: Session, planned: Plan) -> AsyncIterator[None]:
    """Have the files of a plan in their places for Compose."""
    before = await anyio.to_thread.run_sync(write_plan, session.settings, planned)
    try:
        yield
    finally:
        put_back(session.settings, planned, before)


async def build_if_missing(session: Session, project: Project, image: str) -> bool:
    """Build the image unless it is there; return whether it was built.

    :raises BuildError: with the step that failed
    """
    if await session.api.image(image) is not None:
        return False
    await build(session, project)
    return True


async def pull_if_missing(session: Session, what: Plan | Deployment) -> None:
    """Pull the database's image unless it is there.

    :raises RunClaudeError: with the cause, if it cannot be pulled
    """
    image = what.project.variables.get("RUN_CLAUDE_TIMESCALEDB_IMAGE", "")
    if image and await session.api.image(image) is None:
        session.reporter.step(f"Pulling {image}")
        await session.compose(what.project).pull([Service.TIMESCALEDB], on_line=session.reporter.line)
        _made(session, image)
    if image:
        await record(session, image)


def _made(session: Session, image: str) -> None:
    """Remember that the image is there because of this instance: a later start, or `uninstall`, may remove it."""
    with suppress(RunClaudeError):  # it only takes space one day
        if image:
            record_image(session.settings.paths.images_file, image, made=True)


async def fetch(session: Session, what: Plan | Deployment, services: Sequence[Service]) -> None:
    """Have the images of the services.

    :raises BuildError: with the step that failed
    :raises RunClaudeError: with the cause, if the database's cannot be pulled
    """
    if Service.TIMESCALEDB in services:
        await pull_if_missing(session, what)
    if Service.LITELLM in services:
        await build_if_missing(session, what.project, what.image)

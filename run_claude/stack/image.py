"""Build the proxy's image, or find that it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.domain.lifecycle import Service

if TYPE_CHECKING:
    from run_claude.domain.compose import Project
    from run_claude.stack.session import Session

__all__ = ["build", "build_if_missing"]


async def build(session: Session, project: Project, *, no_cache: bool = False) -> None:
    """Build the image, whether it is there or not.

    :raises BuildError: with the step that failed
    """
    session.reporter.step(f"Building the image, with {session.settings.prisma.words}")
    await session.compose(project).build(Service.LITELLM, no_cache=no_cache, on_line=session.reporter.line)


async def build_if_missing(session: Session, project: Project, image: str) -> bool:
    """Build the image unless it is there; return whether it was built.

    :raises BuildError: with the step that failed
    """
    if await session.api.image(image) is not None:
        return False
    await build(session, project)
    return True

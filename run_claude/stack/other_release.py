"""What a start by this copy of run-claude would change in what another one has started, told before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import run_claude
from run_claude.deploy.image import litellm_image
from run_claude.deploy.services import coming_services
from run_claude.state.applied import load_applied

if TYPE_CHECKING:
    from run_claude.config.settings import Settings
    from run_claude.domain.lifecycle import Snapshot

__all__ = ["other_release"]


def other_release(settings: Settings, snapshot: Snapshot) -> str:
    """Return in words what is new in this copy of run-claude; empty if its files are those of the last start.

    The image's name is a hash of its sources, so that the next one is known before it is built.

    :raises ConfigError: if a file cannot be read
    """
    coming = coming_services(settings.paths)
    if not coming:
        return ""
    last, this = load_applied(settings.paths.applied_file).release, run_claude.__version__
    who = "this copy of run-claude"
    if last and last != this:
        age = "newer" if _number(this) > _number(last) else "older"
        who = f"run-claude {this}, {age} than {last} that has started this,"
    files = f"{len(coming)} file{'' if len(coming) == 1 else 's'} in {settings.paths.services}"
    image = litellm_image(settings, coming)
    built = f", and brings the image {image}" if snapshot.litellm.id and image != snapshot.litellm.image else ""
    return f"{who} replaces {files}{built}"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("+")[0].split(".") if part.isdigit())

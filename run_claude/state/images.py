"""Which images the starts of an instance have used, on disk: what may be removed one day is one of these.

An image's name is a hash of its content, so that other installations on the engine may use the same one. What counts
for the clean-up of a start is therefore what was *made* here: built or pulled by a start of this instance.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from run_claude.config.files import write_if_changed
from run_claude.state import reader

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["UsedImage", "forget_images", "load_images", "record_image"]


@dataclass(frozen=True, slots=True)
class UsedImage:
    """An image by its reference, and whether a start of this instance has built or pulled it."""

    reference: str
    made: bool


def load_images(path: Path) -> tuple[UsedImage, ...]:
    """Return the images, the one used last at the end; a missing or broken file counts as none."""
    return reader.load(path, _images)[0] or ()


def record_image(path: Path, reference: str, *, made: bool = False) -> None:
    """Remember that an image is used from now on.

    :param made: it was built or pulled for this instance just now
    :raises ConfigError: if it cannot be written
    """
    known = load_images(path)
    made = made or any(image.made for image in known if image.reference == reference)
    _write(path, [*(image for image in known if image.reference != reference), UsedImage(reference, made)])


def forget_images(path: Path, references: Collection[str]) -> None:
    """Take note that these images are not there any more.

    :raises ConfigError: if it cannot be written
    """
    _write(path, [image for image in load_images(path) if image.reference not in references])


def _write(path: Path, images: list[UsedImage]) -> None:
    write_if_changed(path, json.dumps({"made": {image.reference: image.made for image in images}}) + "\n")


def _images(row: reader.Fields) -> tuple[UsedImage, ...]:
    made = row.child("made")
    return tuple(UsedImage(reference, made.switch(reference)) for reference in made)

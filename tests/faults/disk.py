"""A small disk for a volume, so that a test can fill it."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["small_disk"]


@contextmanager
def small_disk(megabytes: int) -> Iterator[str]:
    """Yield a block device of its own with an empty file system. Only root can make one."""
    folder = runs.folder("rcf")
    image = folder / "disk"
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    # initdb wants an empty folder.
    subprocess.run(["debugfs", "-w", "-R", "rmdir lost+found", str(image)], capture_output=True, check=True)
    device = subprocess.run(
        ["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=False)
        shutil.rmtree(folder)

"""A database whose new volumes begin as a copy of a cluster that was made before.

To initialize a volume takes 1.3 seconds of CPU, to copy one a tenth of that. All that is ours is the real thing: the
entrypoint, the roles and databases that it makes, the health check. A test that is about a volume's initialization puts
`real()` into its instance's `extra`; those of the image itself and of the database mode have no copy either.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SETTING", "database_image", "real"]

SETTING = "RUN_CLAUDE_TIMESCALEDB_IMAGE"


@contextmanager
def database_image() -> Iterator[str]:
    """Build the image, which takes half a second where the engine has built it before."""
    name = runs.name("rct")
    build = ["docker", "build", "--quiet", "--tag", name, "--build-arg", f"IMAGE={os.environ[SETTING]}"]
    done = subprocess.run([*build, str(Path(__file__).parent)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    try:
        yield name
    finally:
        subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True, check=True)


def real() -> dict[str, str]:
    """Return the setting of the image that initializes a new volume as it does for users."""
    return {SETTING: os.environ[SETTING]}

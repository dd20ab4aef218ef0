"""A stand-in for LiteLLM, for tests whose subject is who starts, watches and stops it.

A real start takes 4 to 8 seconds of CPU, one of the stand-in a tenth of a second. What is ours in the image is the real
thing: the entrypoint with its checks and its words, the health check, the compose file. `release` makes a run-claude
whose packaged Dockerfile builds it; every command works as ever, and the image has a hash and thus a name of its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

import run_claude

__all__ = ["release"]

_HERE = Path(__file__).parent
_PACKAGE = Path(run_claude.__file__).parent


def release(folder: Path) -> dict[str, str]:
    """Put a release with the stand-in into a folder; return the environment that makes Python run it."""
    dep = shutil.copytree(
        _PACKAGE.parent / "dep", folder / "dep", ignore=shutil.ignore_patterns("bases", "__pycache__")
    )
    # The real one ends with the copying of what is ours.
    _, entrypoint, ours = (dep / "litellm.Dockerfile").read_text().rpartition("\nENTRYPOINT ")
    assert entrypoint
    copied = "".join(line for line in ours.splitlines(keepends=True) if line.startswith("COPY "))
    (dep / "litellm.Dockerfile").write_text((_HERE / "litellm.Dockerfile").read_text() + copied)
    shutil.copytree(_HERE / "container", dep / "litellm" / "stand-in")
    # Its Python part: the container needs the reader of the generated configuration, and no package index for it.
    no_library = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(Path(yaml.__file__).parent, dep / "litellm" / "stand-in" / "yaml", ignore=no_library)
    for name in ("run_claude", "callbacks"):
        (folder / name).symlink_to(_PACKAGE.parent / name)
    return {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}  # not the folder where a command is called

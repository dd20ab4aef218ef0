"""Stand-ins: containers that say and do what a cause is known by, and a docker command that prints its message."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.instance import Instance

__all__ = ["docker_that_says", "edit_compose", "litellm_runs"]


def edit_compose(instance: Instance, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the compose file of an installed stack."""
    path = instance.services / "docker-compose.yaml"
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def litellm_runs(instance: Instance, script: str, **more: object) -> None:
    """Let the proxy's container run a shell script instead, in the image of Python: nothing has to be built.

    :param more: of the service's definition
    """

    def change(document: dict[str, Any]) -> None:
        service = document["services"]["litellm"]
        service["entrypoint"] = ["/bin/sh", "-c", script]
        service.update(more)

    edit_compose(instance, change)


def docker_that_says(instance: Instance, text: str, *, exit: int = 1, only: str = "") -> None:
    """Put a docker command in front of the real one that prints a message on stderr and fails.

    :param only: for command lines that contain this; everything else goes to the real one
    """
    folder = instance.folder / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "message").write_text(text + "\n")
    script = folder / "docker"
    real = next(p for p in os.environ["PATH"].split(":") if os.access(f"{p}/docker", os.X_OK))
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *{json.dumps(only)}*) cat {folder}/message >&2; exit {exit};; esac\n'
        f'exec {real}/docker "$@"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    instance.extra["PATH"] = f"{folder}:{os.environ['PATH']}"

"""What the engine tells of the ends of a stack's containers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .instance import docker

if TYPE_CHECKING:
    from .instance import Instance

__all__ = ["ended"]


def ended(stack: Instance, *, since: float, told: str = "{{.Action}}") -> list[str]:
    """Return what the engine tells of the ends of both services, in order: `litellm kill`, `litellm die`."""
    label = f"label=com.docker.compose.project={stack.name}"
    shape = f'{{{{index .Actor.Attributes "com.docker.compose.service"}}}} {told}'
    options = ("--since", f"{since:.3f}", "--until", f"{time.time():.3f}", "--filter", label, "--format", shape)
    return docker("events", *options, "--filter", "event=kill", "--filter", "event=die").splitlines()

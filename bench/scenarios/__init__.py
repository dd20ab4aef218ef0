"""The scenarios, in the order in which they run."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from bench.runner import Scenario

__all__ = ["NAMES", "load"]

NAMES = (
    *("build", "commands", "startup", "database", "stop", "reaction"),
    *("burst", "idle", "proxying", "passes", "conformance"),
    "growth",
)


def load(name: str) -> Scenario:
    """Import and return a scenario."""
    return cast("Scenario", import_module(f"bench.scenarios.{name}"))

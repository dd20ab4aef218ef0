"""The instances of a state folder: those that were started here, and with which ports."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from run_claude.config.settings import INSTANCE
from run_claude.domain.remembered import VARIABLES
from run_claude.errors import ConfigError
from run_claude.state.deployed import load_deployment

if TYPE_CHECKING:
    from run_claude.config.paths import Paths

__all__ = ["instances", "ports_of"]

_MARKS = ("compose.env", "intent.json", "lock", "watch.lock")  # each command leaves one of them


def instances(paths: Paths) -> list[str]:
    """Return the names of the instances that have a folder of state, in order. Other folders are anybody's."""
    try:
        folders = [path for path in (paths.state / "instances").iterdir() if INSTANCE.fullmatch(path.name)]
    except OSError:
        return []
    return sorted(path.name for path in folders if any((path / name).exists() for name in _MARKS))


def ports_of(paths: Paths) -> dict[int, str]:
    """Return the ports with which each other instance was started last, and whose they are."""
    found: dict[int, str] = {}
    for name in instances(paths):
        with suppress(ConfigError, ValueError):
            if name != paths.instance:
                variables = load_deployment(replace(paths, instance=name)).project.variables
                found |= {int(variables[variable]): name for variable in VARIABLES.values() if variables.get(variable)}
    return found

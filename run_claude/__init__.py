"""Run Claude Code against any model, through a LiteLLM proxy in containers.

    async with Stack.open(load_settings(os.environ)) as stack:
        await stack.up()
        async for transition in stack.transitions(): ...

What this module exports is the public API: `docs/embedding.md` shows it. The names are imported when they are first
used: a command that needs none of them starts without them.
"""

from __future__ import annotations

# Not imported from typing: nothing may take time before `__main__` answers Ctrl-C.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from run_claude.config.settings import Settings, load_settings
    from run_claude.docker.observer import Missed
    from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot, Transition
    from run_claude.errors import (
        BuildError,
        BusyError,
        ConfigError,
        ConflictError,
        DataError,
        EngineError,
        GatewayError,
        RunClaudeError,
        StartError,
        StartTimeout,
        UsageError,
    )
    from run_claude.stack import Stack, Started, Status

__all__ = [
    "BuildError",
    "BusyError",
    "ConfigError",
    "ConflictError",
    "DataError",
    "EngineError",
    "GatewayError",
    "Missed",
    "Phase",
    "RunClaudeError",
    "Service",
    "ServiceState",
    "Settings",
    "Snapshot",
    "Stack",
    "StartError",
    "StartTimeout",
    "Started",
    "Status",
    "Transition",
    "UsageError",
    "load_settings",
]

__version__ = "0.1.0"

_HOMES = {
    "config.settings": ("Settings", "load_settings"),
    "docker.observer": ("Missed",),
    "domain.lifecycle": ("Phase", "Service", "ServiceState", "Snapshot", "Transition"),
    "stack": ("Stack", "Started", "Status"),
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = next((module for module, names in _HOMES.items() if name in names), "errors")
    return getattr(import_module(f"{__name__}.{home}"), name)

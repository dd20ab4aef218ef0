"""Run Claude Code against any model, through a LiteLLM proxy in containers.

    async with Stack.open(load_settings(os.environ)) as stack:
        await stack.up()
        async for transition in stack.transitions(): ...

The names are imported when they are first used: a command that needs none of them starts without them.
"""

from __future__ import annotations

# Not imported from typing: nothing may take time before `__main__` answers Ctrl-C.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from run_claude.config.settings import Settings, load_settings
    from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot, Transition
    from run_claude.errors import RunClaudeError
    from run_claude.stack import Stack, Started, Status

__all__ = [
    "Phase",
    "RunClaudeError",
    "Service",
    "ServiceState",
    "Settings",
    "Snapshot",
    "Stack",
    "Started",
    "Status",
    "Transition",
    "load_settings",
]

__version__ = "0.1.0"

_HOME = {
    "Settings": "config.settings",
    "load_settings": "config.settings",
    "RunClaudeError": "errors",
    "Stack": "stack",
    "Started": "stack",
    "Status": "stack",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'domain.lifecycle')}"), name)

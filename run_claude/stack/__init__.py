"""The controller: one object that ties configuration, engine and policy together.

    async with Stack.open(settings) as stack:
        await stack.up()
        async for transition in stack.transitions(): ...
        await stack.down()

It drives ``docker compose`` and waits for what the engine's events lead it to see; it never polls.
"""

from run_claude.stack.controller import Stack
from run_claude.stack.started import DEFAULT_TIMEOUT, Started
from run_claude.stack.status import Status

__all__ = ["DEFAULT_TIMEOUT", "Stack", "Started", "Status"]

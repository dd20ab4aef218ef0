"""A process that does nothing but follow a stack's transitions: what watching costs by itself."""

from __future__ import annotations

import os
import sys

import anyio

from run_claude.config.settings import load_settings
from run_claude.stack import Stack


async def _follow(instance: str) -> None:
    async with Stack.open(load_settings(os.environ, instance=instance)) as stack:
        await stack.observe()
        print("following", flush=True)
        async for _ in stack.transitions():
            pass


if __name__ == "__main__":
    anyio.run(_follow, sys.argv[1])

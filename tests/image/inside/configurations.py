"""Runs in the image: whether LiteLLM takes each configuration of a folder; prints a JSON object of name to complaint.

LiteLLM is imported once, for all of them: that is most of a start. What of it had to be compiled is `uncompiled`.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import traceback
from pathlib import Path

WITHIN = 60  # seconds for each


async def complaint(config: Path) -> str:
    """Return why LiteLLM does not take a configuration; empty if it does, with all of its models."""
    from litellm.proxy import proxy_server

    wanted = {row["model_name"] for row in json.loads(config.with_suffix(".rows").read_text())}
    try:
        loading = proxy_server.proxy_config.load_config(router=None, config_file_path=str(config))
        router, _, _ = await asyncio.wait_for(loading, WITHIN)
    except BaseException:  # whatever it is, it is the answer
        return traceback.format_exc()[-1500:]
    served = {row["model_name"] for row in router.get_model_list()}
    return "" if wanted <= served else f"not served: {sorted(wanted - served)}"


def uncompiled() -> list[str]:
    """Return the modules that a start imports and that have no bytecode."""
    importlib.import_module("litellm.proxy.proxy_server")
    cached = {name: getattr(module, "__cached__", None) or "" for name, module in sys.modules.items()}
    return [name for name, path in cached.items() if path and not path.startswith("/app/") and not Path(path).exists()]


async def main(folder: Path) -> None:
    """Print what LiteLLM says of each configuration."""
    slow = uncompiled()
    found = {config.stem: await complaint(config) for config in sorted(folder.glob("*.yaml"))}
    sys.stdout.write("\n" + json.dumps({"configurations": found, "uncompiled": slow}) + "\n")
    sys.stdout.flush()
    os._exit(0)  # LiteLLM's tasks in the background do not end when they are cancelled


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

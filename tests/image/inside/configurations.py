"""Runs in the image: whether LiteLLM takes each configuration of a folder; prints a JSON object of name to complaint.

LiteLLM is imported once, for all of them: that is most of a start. What of it had to be compiled is `uncompiled`.
Six of them name a Redis, or have one in their environment: one answers here, for LiteLLM tries an absent one for 7 s.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import socketserver
import sys
import threading
import traceback
from pathlib import Path

WITHIN = 60  # seconds for each
REDIS = {b"PING": b"+PONG\r\n", b"INFO": b"$19\r\nredis_version:7.4.0\r\n", b"HELLO": b"%1\r\n+proto\r\n:3\r\n"}


class Redis(socketserver.StreamRequestHandler):
    """As much of a Redis as a start asks."""

    def handle(self) -> None:
        """Answer each command: the number of its words, and for each word its length."""
        while count := self.rfile.readline():
            words = [self.rfile.read(int(self.rfile.readline()[1:]) + 2) for _ in range(int(count[1:]))]
            self.wfile.write(REDIS.get(words[0].strip().upper(), b"+OK\r\n"))


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
    gc.disable()  # as the entrypoint does
    importlib.import_module("litellm.proxy.proxy_server")
    cached = {name: getattr(module, "__cached__", None) or "" for name, module in sys.modules.items()}
    return [name for name, path in cached.items() if path and not path.startswith("/app/") and not Path(path).exists()]


async def main(folder: Path) -> None:
    """Print what LiteLLM says of each configuration."""
    slow = uncompiled()
    redis = socketserver.ThreadingTCPServer(("127.0.0.1", 6379), Redis)
    threading.Thread(target=redis.serve_forever, daemon=True).start()
    found = {config.stem: await complaint(config) for config in sorted(folder.glob("*.yaml"))}
    sys.stdout.write("\n" + json.dumps({"configurations": found, "uncompiled": slow}) + "\n")
    sys.stdout.flush()
    os._exit(0)  # LiteLLM's tasks in the background do not end when they are cancelled


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

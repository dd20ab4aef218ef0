"""Prisma's query engine, started while LiteLLM imports and handed over when it connects.

Otherwise it begins when everything else has ended: its version is asked for, it starts, and it is polled each 0.1 s,
0.6 s in all.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def free_port() -> int:
    """Return a port of loopback that is free now, as the client chooses one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Engine:
    """A query engine that nobody uses yet."""

    program: Path
    url: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it as the client does; the client's own modules are not imported yet."""
        environ = os.environ | {
            "DATABASE_URL": self.url,
            "PRISMA_DML_PATH": str(schema()),
            "RUST_LOG": "error",
            "RUST_LOG_FORMAT": "json",
            "PRISMA_CLIENT_ENGINE_TYPE": "binary",
            "PRISMA_ENGINE_PROTOCOL": "graphql",
        }
        options = ("-p", str(self.port), "--enable-metrics", "--enable-raw-queries")
        self.process = subprocess.Popen(
            [self.program, *options], env=environ, stdout=sys.stdout, stderr=sys.stderr, stdin=subprocess.DEVNULL
        )

    def take(self, url: str | None) -> subprocess.Popen[bytes] | None:
        """Give the process away, once, to who wants an engine for this address; end it if that is another one."""
        process, self.process = self.process, None
        if process is None or (url == self.url and process.poll() is None):
            return process
        process.kill()
        process.wait()
        return None

    def hand_over(self) -> None:
        """Let the client's first connect take this engine; all later ones, and what fails, go as they always do."""
        from prisma.engine.query import QueryEngine

        connect = QueryEngine.connect

        async def first_connect(client: Any, *args: Any, **options: Any) -> None:
            own = options.get("datasources") is None
            if own and client.process is None and (process := self.take(os.environ.get("DATABASE_URL"))):
                client.file, client.process, client.url = self.program, process, f"http://localhost:{self.port}"
                if await answers(client):
                    return
                process.kill()
                client.process = None
            await connect(client, *args, **options)

        QueryEngine.connect = first_connect


async def answers(client: Any) -> bool:
    """Wait until the engine is ready; it has been for long, unless there was a migration just now."""
    for _ in range(200):
        try:
            await client.request("GET", "/status")
            return True
        except Exception:  # of the client's HTTP library, whatever it is
            if client.process.poll() is not None:
                break
            await asyncio.sleep(0.05)
    return False


def schema() -> Path:
    """Return the schema that the client was generated from, without importing the client."""
    spec = importlib.util.find_spec("prisma")
    return Path(spec.origin or "/").with_name("schema.prisma") if spec else Path("/nowhere")

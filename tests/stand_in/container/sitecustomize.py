"""What the entrypoint imports of LiteLLM, and a server that answers run-claude; runs in the container only."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

ANSWER = "This is the demo profile, from a stand-in."
CONFIG = Path("/app/config/litellm_config.yaml")


def module(name: str, **content: object) -> None:
    made = ModuleType(name)
    made.__dict__.update(content)
    sys.modules[name] = made


def get_instance_fn(value: str, config_file_path: str | None = None) -> None:
    """Find a callback without importing it: it would import LiteLLM."""
    name, _, _ = value.rpartition(".")
    if importlib.util.find_spec(name) is None:
        raise ModuleNotFoundError(f"No module named {name!r}")


class Handler(BaseHTTPRequestHandler):
    """LiteLLM's routes, as far as run-claude uses them."""

    def do_GET(self) -> None:
        if self.path == "/health/readiness":
            database = "connected" if os.environ.get("DATABASE_HOST") else "Not connected"
            self._answer(200, {"status": "healthy", "db": database, "litellm_version": "stand-in"})
        elif self._may():
            import yaml

            rows = yaml.safe_load(CONFIG.read_bytes())["model_list"]
            self._answer(200, {"data": [{"id": row["model_name"]} for row in rows]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if planted := self.headers.get("X-Provider-Error"):  # LiteLLM prints what a provider answers
            print(f"litellm.APIError: OpenAIException - {json.loads(planted)}", file=sys.stderr, flush=True)
        if self._may():
            block, message = {"type": "text", "text": ANSWER}, {"role": "assistant", "content": ANSWER}
            self._answer(200, {"content": [block], "choices": [{"message": message}]})

    def _may(self) -> bool:
        keys = importlib.import_module("boot.keys").ClientKeys(
            os.environ.get("LITELLM_MASTER_KEY", ""), Path("/app/routes")
        )
        given = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        named = self.headers.get("x-run-claude-profile") or ""
        if keys.is_admin(given) or keys.profile_of(given, named):
            return True
        self._answer(401, {"error": {"message": "no such key"}})
        return False

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of the health check, as the image's settings have it."""
        if self.path != "/health/readiness":
            super().log_request(code, size)


class LifespanOn:
    """Uvicorn's, as far as the entrypoint waits for it."""

    should_exit = False

    async def startup(self) -> None:
        """Nothing is to be done before it serves."""


def run_server() -> None:
    asyncio.run(LifespanOn().startup())
    ThreadingHTTPServer(("", 4444), Handler).serve_forever()


LOGGERS: dict[str, dict[str, list[str]]] = {name: {"handlers": []} for name in ("uvicorn", "uvicorn.access")}
module("certifi", where=lambda: "/etc/ssl/certs/ca-certificates.crt")
module("uvicorn", run=run_server)
module("uvicorn.config", LOGGING_CONFIG={"handlers": {}, "loggers": LOGGERS})
module("uvicorn.lifespan")
module("uvicorn.lifespan.on", LifespanOn=LifespanOn)
for package in ("litellm", "litellm.proxy", "litellm.proxy.types_utils"):
    module(package)
module("boot.lazy_routes", build_routes_when_needed=lambda: None)  # FastAPI's, which is not here
module("litellm.proxy.proxy_server", app=None)
module("litellm.proxy.types_utils.utils", get_instance_fn=get_instance_fn)
module("litellm.proxy.proxy_cli", run_server=run_server)

"""Serve LiteLLM behind the guard: with uvicorn, in the image and outside of it."""

from __future__ import annotations

import functools
import gc
import importlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boot.guard import KNOWN, MAX_BODY, Guard
from boot.keys import ClientKeys
from boot.lazy_routes import build_routes_when_needed
from boot.redaction import RedactedErrors
from boot.rules import Hosts
from boot.tally import quiet_access_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["guarded", "import_litellm", "serve_guarded"]

ROUTES = "/app/routes"
HEADERS_WITHIN = 20  # seconds until the headers of a request are there
# Seconds that the connection of a client with a key may wait for its next request: longer than most clients keep one.
# httpx (the SDKs of Anthropic and OpenAI for Python) keeps one for 5 s, which is uvicorn's default: of 400 requests
# after five seconds of rest, 10 met a connection that was just being closed. Go and reqwest (Codex) keep one for 90 s.
IDLE_WITHIN = 95
_OF_LITELLM = 640 * 2**20  # bytes that it needs beside bodies
_COPIES = 8  # of a body, at the peak: its bytes, its text, what is parsed, and what is sent on


def import_litellm() -> None:
    """Import the server: most of a start.

    Without garbage collection it takes a quarter less (3.9 s of CPU for 5.5 s) and no more memory: what is imported
    stays. Frozen, it is never looked through again either.
    """
    gc.disable()
    build_routes_when_needed()
    importlib.import_module("litellm.proxy.proxy_server")
    gc.freeze()
    gc.enable()


def serve_guarded(config: Mapping[str, Any], hidden: Iterable[str] = (), **options: Any) -> None:
    """Have uvicorn serve whatever LiteLLM gives it behind the guard.

    :param config: LiteLLM's configuration
    :param hidden: what no error may name
    :param options: further ones for ``uvicorn.run``
    """
    import uvicorn

    run = uvicorn.run

    @functools.wraps(run)
    def run_guarded(*_: object, **given: Any) -> None:
        from litellm.proxy.proxy_server import app

        from boot.stored import leave_environment_alone

        leave_environment_alone()
        quiet_access_log()
        inner = RedactedErrors(app, hidden)  # LiteLLM's own stays: it is asked for by its name
        run(**{**given, **options, "app": guarded(inner, config), "http": _protocol()})

    uvicorn.run = run_guarded


def guarded(app: Any, config: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Guard:
    """Return LiteLLM's app behind the guard, with the settings of this environment."""
    general = config.get("general_settings") or {}
    database = bool(environ.get("DATABASE_URL"))
    master_key = environ.get("LITELLM_MASTER_KEY", "")
    keys = ClientKeys(master_key, Path(environ.get("RUN_CLAUDE_ROUTES") or ROUTES))
    instance = environ.get("RUN_CLAUDE_INSTANCE") or "run-claude"
    named = environ.get("RUN_CLAUDE_ALLOWED_HOSTS", "").replace(",", " ").split()
    names = (*named, "litellm", f"{instance}-litellm", socket.gethostname())
    virtual = stored = None
    if database:
        from boot.stored import overview as stored
        from boot.virtual_keys import VirtualKeys

        virtual = VirtualKeys(app, keys, master_key, _forget)
    return Guard(
        app,
        hosts=Hosts.of(environ.get("RUN_CLAUDE_BIND", ""), names),
        keys=keys,
        master_key=master_key,
        others=any(name.startswith(("custom_auth", "enable_jwt", "enable_oauth")) for name in general),
        virtual=virtual,
        stored=stored,
        max_body=max_body(environ.get("RUN_CLAUDE_MAX_BODY", "")),
        in_flight=memory_for_bodies(_memory_limit()),
    )


def _forget(hashed: str) -> None:
    from litellm.proxy.proxy_server import user_api_key_cache

    user_api_key_cache.delete_cache(hashed)


def max_body(value: str) -> int:
    """Return a number of bytes, written as Docker writes memory: `64m`."""
    units = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30}
    number, unit = value[:-1], units.get(value[-1:].lower())
    if unit is None:
        number, unit = value, 1
    try:
        return int(float(number) * unit) or MAX_BODY
    except ValueError:
        return MAX_BODY


def memory_for_bodies(limit: int) -> int:
    """Return how many bytes all bodies may have together, of a memory limit in bytes."""
    return max(limit - _OF_LITELLM, 0) // _COPIES


def _memory_limit() -> int:
    """Return the memory that this process may use, in bytes."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            value = int(Path(path).read_text())
        except (OSError, ValueError):  # `max`: no limit
            continue
        return min(value, _machine())
    return _machine()


def _machine() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _protocol() -> type:
    """Return uvicorn's protocol with limits of ours: for headers, and for a connection that rests."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Impatient(H11Protocol):
        """Ends a connection whose request does not come; where a key was shown, after a longer rest."""

        _deadline: Any = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is h11.IDLE:
                self._wait()
            else:
                self._cease()

        def connection_lost(self, exc: Exception | None) -> None:
            self._cease()
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            known = self.scope.get(KNOWN, False)
            self.timeout_keep_alive = max(self.config.timeout_keep_alive, IDLE_WITHIN if known else 0)
            super().on_response_complete()

        def _wait(self) -> None:
            if self._deadline is None:
                self._deadline = self.loop.call_later(HEADERS_WITHIN, self.transport.close)

        def _cease(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Impatient

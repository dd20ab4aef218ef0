"""What a request has open at its provider: closed when its client has gone, so that nobody pays for the rest.

LiteLLM closes the generators that it has put around a provider's stream, and leaves the stream to Python's garbage
collector, which may come minutes later, or to a task that reads on to the end. Here every stream is noted with the
request that it belongs to. Knows no LiteLLM: a stream is whatever has `aclose`.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import Any

__all__ = ["begin", "close", "opened"]

_STREAMS = ("text/event-stream", "application/vnd.amazon.eventstream", "application/x-ndjson")
_open: ContextVar[list[Any] | None] = ContextVar("run_claude_open", default=None)


def begin() -> None:
    """Take note of what is opened from here on: in this task, and in those that it starts."""
    _open.set([])


def opened(stream: Any, kind: str) -> Any:
    """Note a provider's answer, if it is a stream, and return it.

    :param kind: its content type
    """
    noted = _open.get()
    if noted is not None and kind.startswith(_STREAMS):
        noted.append(stream)
    return stream


async def close() -> None:
    """Close what the request of this task has open."""
    for stream in _open.get() or ():
        with contextlib.suppress(Exception):  # it may have broken off by itself
            await stream.aclose()

"""The first answer: ask a port repeatedly, at little cost, until it answers 200."""

from __future__ import annotations

import time
from dataclasses import dataclass

import anyio

from bench.processes import BenchError

__all__ = ["Answered", "first_answer"]

_REQUEST = b"GET /health/readiness HTTP/1.0\r\nHost: localhost\r\n\r\n"
_PAUSE = 0.01  # seconds; the resolution, at under 1 % of a core


@dataclass(frozen=True, slots=True)
class Answered:
    """The first answer, in seconds since the epoch.

    :param at: when it came
    :param not_yet: when the last request that got none was begun; on a busy machine well before ``at``
    """

    at: float
    not_yet: float


async def first_answer(port: int, *, within: float = 180) -> Answered:
    """Return when ``/health/readiness`` on a port of this machine first answered 200.

    :raises BenchError: if it does not in time
    """
    not_yet = 0.0
    with anyio.move_on_after(within):
        while True:
            began = time.time()
            if await _answers(port):
                return Answered(time.time(), not_yet)
            not_yet = began
            await anyio.sleep(_PAUSE)
    raise BenchError(f"nothing answered on port {port} within {within:g} s")


async def _answers(port: int) -> bool:
    try:
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(_REQUEST)
            return b" 200 " in (await stream.receive(64)).split(b"\r\n")[0] + b" "
    except (OSError, anyio.EndOfStream, anyio.BrokenResourceError):
        return False

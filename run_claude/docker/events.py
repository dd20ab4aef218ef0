"""Streams from the engine, over aiodocker: events and logs.

aiodocker reads a stream that never ends, over a unix socket or TLS, and takes the frames of a log apart; h11 alone
would leave that to us. Only commands that follow the engine import it.

pyproject.toml admits aiodocker from 0.24 up to the next major version. Both ends of that range pass the tests of the
observer (``tests/fake/test_aiodocker_range.py``).
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from aiodocker import Docker, DockerError
from aiodocker.events import DockerEvents

from run_claude.docker.inspect import ONEOFF_LABEL, PROJECT_LABEL, Json, container_event
from run_claude.domain import timeouts
from run_claude.domain.diagnosis import engine_refused, engine_unreachable, is_away
from run_claude.domain.lifecycle import parse_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from run_claude.docker.endpoint import Endpoint
    from run_claude.domain.lifecycle import ContainerEvent
    from run_claude.errors import RunClaudeError

__all__ = ["EngineStream", "since_parameter"]

# Everything that can change a phase, and nothing else. Each health probe makes three exec events of 1.15 kB, 85 % of
# all events in one run, which this filter keeps on the server. `health_status` makes moby match the whole list by
# prefix, so no name here may be the prefix of an unwanted one.
_ACTIONS = ["create", "start", "die", "stop", "kill", "oom", "destroy", "rename"]
_ACTIONS += ["pause", "unpause", "restart", "health_status"]


def since_parameter(at_ns: int) -> str:
    """Return a time as ``/events`` takes it: ``sec.nnnnnnnnn``.

    A raw ``timeNano`` overflows and replays everything, a float can skip an event, RFC 3339 gives HTTP 500.
    """
    return f"{at_ns // 1_000_000_000}.{at_ns % 1_000_000_000:09d}"


class _Events(DockerEvents):
    """aiodocker's events, unconverted: its own conversion of ``time`` ends the stream at the first odd event."""

    def _transform_event(self, data: Any) -> Json:
        return data if isinstance(data, dict) else {}  # None would read as the end of the stream


class EngineStream:
    """The streams of one engine. Open with :meth:`connect`."""

    def __init__(self, docker: Docker, endpoint: Endpoint) -> None:
        self._docker = docker
        self._endpoint = endpoint

    @classmethod
    @asynccontextmanager
    async def connect(cls, endpoint: Endpoint) -> AsyncIterator[EngineStream]:
        """Yield the streams; nothing is sent yet.

        :raises EngineError: if a certificate file cannot be read
        """
        docker = Docker(url=endpoint.url, ssl_context=endpoint.ssl_context())
        try:
            yield cls(docker, endpoint)
        finally:
            with anyio.CancelScope(shield=True, deadline=anyio.current_time() + 2):
                await docker.close()

    async def feed(self, project: str, since_ns: int, emit: Callable[[ContainerEvent], None]) -> None:
        """Call ``emit`` with each event of the project since ``since_ns``; return when the engine ends the stream.

        One connection, no retry. ``emit`` must not block: while its reader is stuck, the engine delays every API call
        and drops events.

        :param since_ns: a time by the engine's clock. It closes the gap between the engine's answer and its
            subscription: without it, an event right after the headers was lost 22 times in 1,500.
        :raises EngineError: if the connection cannot be opened, or breaks
        """
        # A new object per connection: aiodocker's shared one never reconnects and makes Docker.close() fail.
        events = _Events(self._docker)  # type: ignore[no-untyped-call]
        inbox = events.subscribe(create_task=False)  # type: ignore[no-untyped-call]
        filters = {
            "type": ["container"],
            "label": [f"{PROJECT_LABEL}={project}", f"{ONEOFF_LABEL}=False"],
            "event": _ACTIONS,
        }
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(partial(events.run, since=since_parameter(since_ns), filters=filters))
                while (raw := await inbox.get()) is not None:
                    # One bad event never ends the stream: the next look finds what it was about.
                    try:
                        event = container_event(raw)
                    except (KeyError, TypeError, ValueError, AttributeError):
                        continue
                    if event is not None:
                        emit(event)
                group.cancel_scope.cancel()
        except ExceptionGroup as errors:
            raise _why(self._endpoint, _root_cause(errors)) from errors

    async def log(self, container_id: str, *, tail: int = 20, timestamps: bool = False) -> list[str]:
        """Return the last lines of a container's log, stdout and stderr; empty if there is no such container."""
        try:
            container = self._docker.containers.container(container_id)
            with anyio.fail_after(timeouts.ENGINE_LOG):
                chunks: list[str] = await container.log(stdout=True, stderr=True, tail=tail, timestamps=timestamps)
        except (DockerError, TimeoutError):
            return []
        # At newlines alone: a text from outside may hold any of the other ends of a line that Python knows.
        return [line.removesuffix("\r") for line in "".join(chunks).removesuffix("\n").split("\n")] if chunks else []

    async def stamped_log(self, container_id: str, *, tail: int) -> list[tuple[int, str]]:
        """Return the last lines of a container's log, each with its time by the engine's clock."""
        rows = [line.partition(" ") for line in await self.log(container_id, tail=tail, timestamps=True)]
        return [(at_ns, text) for stamp, _, text in rows if (at_ns := parse_time(stamp)) is not None]


def _why(endpoint: Endpoint, error: BaseException) -> RunClaudeError:
    if isinstance(error, DockerError) and is_away(error.status, error.message):
        return engine_refused("its events", error.status, error.message)
    return engine_unreachable(endpoint.host, error)


def _root_cause(error: BaseException) -> BaseException:
    """Return the innermost exception: aiodocker wraps connection errors in ``DockerError(900)``."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, DockerError) and (error.__cause__ or error.__context__):
        error = error.__cause__ or error.__context__ or error
    return getattr(error, "os_error", None) or error

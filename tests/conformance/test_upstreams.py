"""What a request has open at its provider is closed when its client has gone."""

from __future__ import annotations

import anyio
import pytest

from callbacks import upstreams

EVENTS = "text/event-stream; charset=utf-8"


class Stream:
    """A provider's answer."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.closed = False

    async def aclose(self) -> None:
        self.closed = True
        if self.broken:
            raise RuntimeError("Connection closed")


@pytest.mark.anyio
async def test_streams_of_a_request_are_closed_also_those_of_its_tasks() -> None:
    first, broken, last = Stream(), Stream(broken=True), Stream()

    async def later() -> None:
        upstreams.opened(broken, "application/vnd.amazon.eventstream")
        upstreams.opened(last, "application/x-ndjson")

    upstreams.begin()
    assert upstreams.opened(first, EVENTS) is first
    async with anyio.create_task_group() as group:
        group.start_soon(later)
    await upstreams.close()
    assert [first.closed, broken.closed, last.closed] == [True, True, True]


@pytest.mark.anyio
async def test_what_is_no_stream_or_of_another_request_stays_open() -> None:
    whole, other, none = Stream(), Stream(), Stream()

    async def another() -> None:
        upstreams.begin()
        upstreams.opened(other, EVENTS)

    upstreams.opened(none, EVENTS)  # of no request: a log that is sent somewhere
    upstreams.begin()
    upstreams.opened(whole, "application/json")
    async with anyio.create_task_group() as group:
        group.start_soon(another)
    await upstreams.close()
    assert [whole.closed, other.closed, none.closed] == [False, False, False]

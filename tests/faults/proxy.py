"""A proxy on a unix socket, between a client and the engine: it can cut what goes through it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CuttingProxy"]


class CuttingProxy:
    """Passes bytes through, in a thread of its own. Use as a context manager."""

    def __init__(self, socket: Path, engine: str) -> None:
        self.socket = socket
        self._engine = engine
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._streams: set[asyncio.StreamWriter] = set()  # the client's side of event streams
        self._pairs: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}

    @property
    def host(self) -> str:
        """What to give to a client as DOCKER_HOST."""
        return f"unix://{self.socket}"

    @property
    def streams(self) -> int:
        """How many event streams go through it now."""
        return len(self._streams)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> int:
        """Break every event stream in the middle; return how many there were."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    async def _cut(self) -> int:
        cut = list(self._streams)
        for writer in cut:
            writer.transport.abort()
            self._streams.discard(writer)
        return len(cut)

    async def _open(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, path=str(self.socket))

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task, writers in list(self._pairs.items()):
            for writer in writers:
                writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pairs[task] = (writer,)
        try:
            with suppress(OSError, asyncio.CancelledError):
                upstream, engine = await asyncio.open_unix_connection(self._engine)
                self._pairs[task] = (writer, engine)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(reader, engine, watched=writer))
                    group.create_task(self._pass(upstream, writer))
        finally:
            self._streams.discard(writer)
            for one in self._pairs.pop(task):
                one.transport.abort()

    async def _pass(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, watched: asyncio.StreamWriter | None = None
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if watched is not None and b"/events?" in data.partition(b"\r\n")[0]:
                    self._streams.add(watched)
                sink.write(data)
                await sink.drain()
        if not sink.is_closing():
            with suppress(OSError, RuntimeError):
                sink.write_eof()

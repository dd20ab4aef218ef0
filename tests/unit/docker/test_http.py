"""The HTTP client against servers that misbehave in each way that a socket allows."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from run_claude.docker.endpoint import Endpoint
from run_claude.docker.http import HttpClient, HttpError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from anyio.abc import ByteStream

pytestmark = pytest.mark.anyio

ANSWER = b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def serving(folder: Path, *connections: Sequence[bytes | float]) -> AsyncIterator[HttpClient]:
    """A server whose n-th connection answers its requests with the n-th list, then closes; a number is a pause."""
    script = iter(connections)

    async def handle(stream: ByteStream) -> None:
        async with stream:
            for answer in next(script):
                if isinstance(answer, float):
                    await anyio.sleep(answer)
                    continue
                await stream.receive()
                await stream.send(answer)

    path = folder / "socket"
    listener = await anyio.create_unix_listener(path)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        async with HttpClient.connect(Endpoint(f"unix://{path}")) as client:
            yield client
        group.cancel_scope.cancel()


async def test_two_requests_go_over_one_connection(tmp_path: Path) -> None:
    async with serving(tmp_path, [ANSWER, ANSWER.replace(b"200 OK", b"404 Not Found")]) as client:
        first = await client.get("/_ping", within=5)
        assert (first.status, first.headers["api-version"], first.text) == (200, "1.45", "{}")
        assert (await client.get("/x", within=5)).status == 404


async def test_a_connection_that_was_closed_meanwhile_is_made_anew(tmp_path: Path) -> None:
    async with serving(tmp_path, [ANSWER], [ANSWER]) as client:
        await client.get("/_ping", within=5)
        assert (await client.get("/_ping", within=5)).status == 200


async def test_a_chunked_answer_is_put_together(tmp_path: Path) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    async with serving(tmp_path, [chunked, ANSWER]) as client:
        assert (await client.get("/x", within=5)).body == b"{}"
        assert (await client.get("/x", within=5)).body == b"{}"


async def test_an_answer_that_ends_with_its_connection_is_whole(tmp_path: Path) -> None:
    async with serving(tmp_path, [b"HTTP/1.0 200 OK\r\n\r\n{}"], [ANSWER]) as client:
        assert (await client.get("/x", within=5)).body == b"{}"
        assert (await client.get("/x", within=5)).body == b"{}"


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Le", ANSWER[:-1], b"\x00\x01 garbage\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"],
    ids=["nothing", "half of a header", "half of a body", "garbage", "another protocol"],
)
async def test_an_answer_that_is_none_is_an_error(tmp_path: Path, answer: bytes) -> None:
    async with serving(tmp_path, [answer]) as client:
        with pytest.raises(HttpError):
            await client.get("/x", within=5)


async def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    async with serving(tmp_path, [60.0], [ANSWER]) as client:
        with pytest.raises(TimeoutError):
            await client.get("/x", within=0.05)
        assert (await client.get("/x", within=5)).status == 200, "the hanging connection is not used again"


async def test_an_engine_at_a_tcp_address_is_asked_as_well() -> None:
    async def handle(stream: ByteStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(ANSWER)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 (not Django's)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        async with HttpClient.connect(Endpoint(f"tcp://127.0.0.1:{port}")) as client:
            assert (await client.get("/_ping", within=5)).status == 200
        group.cancel_scope.cancel()


async def test_nobody_there_is_an_oserror(tmp_path: Path) -> None:
    async with HttpClient.connect(Endpoint(f"unix://{tmp_path}/none")) as client:
        with pytest.raises(OSError, match="No such file"):
            await client.get("/_ping", within=5)

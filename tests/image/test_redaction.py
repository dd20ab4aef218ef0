"""What the container says of the keys that it was given, as far as it needs no container."""

from __future__ import annotations

import io
from typing import Any

import pytest

from .project import boot_module

KEY = "sk-or-v1-0123456789abcdef"
pytestmark = pytest.mark.anyio


@pytest.fixture
def redaction(boot: None) -> Any:
    return boot_module("redaction")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"OPENROUTER_API_KEY": KEY, "LITELLM_MASTER_KEY": "sk-" + "a" * 48}, ["sk-" + "a" * 48, KEY]),
        ({"AZURE_API_BASE": "https://mine.openai.example", "AWS_REGION": "eu-west-1"}, []),
        ({"MY_TOKEN": "short"}, []),
        ({"HTTPS_PROXY": "http://me:a-long-password@proxy.example:3128"}, ["a-long-password"]),
        ({"file:GOOGLE_APPLICATION_CREDENTIALS": "{}" * 20}, []),
    ],
)
def test_secrets_are_keys_and_passwords_not_addresses(redaction: Any, given: dict[str, str], found: list[str]) -> None:
    assert redaction.secret_values(given) == found


def test_all_that_is_printed_is_without_them(redaction: Any) -> None:
    below = io.StringIO()
    stream = redaction.RedactedStream(below, [KEY])
    print(f"provider said: wrong key {KEY}!", file=stream, flush=True)
    stream.writelines([f"{KEY}\n"])
    assert below.getvalue() == f"provider said: wrong key {'*' * len(KEY)}!\n{'*' * len(KEY)}\n"
    assert stream.getvalue() == below.getvalue()  # all else is the stream's own


async def answered(redaction: Any, status: int, *bodies: bytes) -> bytes:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        for body in bodies:
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body"})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await redaction.RedactedErrors(app, [KEY])({"type": "http"}, None, send)
    assert [message["type"] for message in sent].count("http.response.start") == 1
    return b"".join(message.get("body", b"") for message in sent)


async def test_a_providers_error_comes_without_the_key_and_as_long_as_it_was(redaction: Any) -> None:
    body = f'{{"error": {{"message": "Incorrect API key: {KEY}"}}}}'.encode()
    seen = await answered(redaction, 401, body)
    assert KEY.encode() not in seen
    assert len(seen) == len(body)


@pytest.mark.parametrize("event", [b"event: error\ndata: {}\n\n", b'data: {"error": {"message": "%s"}}\n\n'])
async def test_so_does_an_error_in_the_middle_of_a_stream(redaction: Any, event: bytes) -> None:
    event = event.replace(b"{}", KEY.encode()).replace(b"%s", KEY.encode())
    assert KEY.encode() not in await answered(redaction, 200, b"data: hello\n\n", event)


async def test_what_a_model_says_stays_as_it_is(redaction: Any) -> None:
    said = f'data: {{"delta": "OPENROUTER_API_KEY={KEY}"}}\n\n'.encode()
    assert await answered(redaction, 200, said) == said

"""Keys that come back: a provider that refuses a key may name it, in its error and so in LiteLLM's answer and log.

A key is for one provider; neither the client nor the log is that party. Stars of the same length take its place, so
that no length of a body changes. What a model says is never looked at: an agent may rightly write a key into a file.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["RedactedErrors", "RedactedFormatter", "RedactedStream", "secret_values", "without"]

_SECRET_NAME = re.compile(r"(?i)key|token|secret|passw|credential|auth|dsn|(?:^|_)pat(?:$|_)")
_SHORTEST = 12  # characters; a shorter one is no key, and would star what is none
_ERROR_EVENTS = (b"event: error", b'data: {"error"', b'{"error"')  # in the middle of a stream


def secret_values(secrets: Mapping[str, str]) -> list[str]:
    """Return what may not show of the container's secrets, the longest first: one may be part of another."""
    found = {value for name, value in secrets.items() if _SECRET_NAME.search(name) and ":" not in name}
    found |= {password for value in secrets.values() for password in re.findall(r"://[^/@\s]*:([^/@\s]+)@", value)}
    return sorted((value for value in found if len(value) >= _SHORTEST), key=len, reverse=True)


def without(text: str, secrets: Iterable[str]) -> str:
    """Return a text with stars in the place of secrets."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, "*" * len(secret))
    return text


class RedactedStream:
    """A text stream in front of another, for all that this process prints: LiteLLM logs a provider's answer whole."""

    def __init__(self, stream: TextIO, secrets: Iterable[str]) -> None:
        self._stream = stream
        self._secrets = tuple(secrets)

    def write(self, text: str) -> int:
        """Write the text without secrets."""
        return self._stream.write(without(text, self._secrets))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line without secrets."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class RedactedFormatter(logging.Formatter):
    """A formatter of a log that is no stream of this process's."""

    def __init__(self, form: str, secrets: Iterable[str]) -> None:
        super().__init__(form)
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines without secrets."""
        return without(super().format(record), self._secrets)


class RedactedErrors:
    """An ASGI application in front of another: its errors, whole or as events of a stream, without secrets."""

    def __init__(self, app: Any, secrets: Iterable[str]) -> None:
        self._app = app
        self._secrets = [(secret.encode(), b"*" * len(secret.encode())) for secret in secrets]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass everything on but the bodies of errors."""
        if scope["type"] != "http" or not self._secrets:
            await self._app(scope, receive, send)
            return
        refused = False

        async def sent(message: Any) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = message["status"] >= 400
            elif refused or any(mark in message.get("body", b"") for mark in _ERROR_EVENTS):
                message = {**message, "body": self._without(message.get("body", b""))}
            await send(message)

        await self._app(scope, receive, sent)

    def _without(self, body: bytes) -> bytes:
        for secret, stars in self._secrets:
            body = body.replace(secret, stars)
        return body

"""Classify failed HTTP connections, in one way for aiodocker, h11 and httpx."""

from __future__ import annotations

import errno
import ssl  # which asyncio has imported already
from enum import Enum, auto
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.domain.redact import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from run_claude.errors import RunClaudeError

__all__ = ["Failure", "failure_of", "gateway_unreachable", "quoted"]


class Failure(Enum):
    """Why there is no answer."""

    DENIED = auto()  # the socket exists, but not for this user
    MISSING = auto()  # no such socket
    REFUSED = auto()  # nothing listens
    TIMEOUT = auto()
    TLS = auto()  # one side does not take the other's certificate
    BROKEN = auto()  # the connection was cut, or the other side does not speak HTTP


def failure_of(error: BaseException) -> Failure:
    """Return why there is no answer, from the exception of an HTTP client.

    :param error: what the client raised; an ``OSError`` anywhere in its chain decides. Some clients keep only the
        operating system's message, so that counts as well.
    """
    seen: set[int] = set()
    text = ""
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, ssl.SSLError):  # its number is OpenSSL's: 1 is no EPERM
            return Failure.TLS
        if isinstance(link, OSError) and link.errno is not None:
            return _BY_NUMBER.get(link.errno, Failure.BROKEN)
        text += f" {link}"
        link = link.__cause__ or link.__context__
    found = (failure for words, failure in _BY_TEXT.items() if words in text)
    return next(found, Failure.TIMEOUT if "timeout" in type(error).__name__.lower() else Failure.BROKEN)


_BY_NUMBER = {
    errno.EACCES: Failure.DENIED,
    errno.EPERM: Failure.DENIED,
    errno.ENOENT: Failure.MISSING,
    errno.ECONNREFUSED: Failure.REFUSED,
    errno.ETIMEDOUT: Failure.TIMEOUT,
}
_BY_TEXT = {
    "ermission denied": Failure.DENIED,
    "No such file": Failure.MISSING,
    "refused": Failure.REFUSED,
    "connection attempts failed": Failure.REFUSED,
}


def gateway_unreachable(base_url: str, error: BaseException) -> RunClaudeError:
    """Return the error for a proxy at ``base_url`` that cannot be reached.

    :param error: what the client raised
    """
    facts = {"url": base_url, "error": quoted(f"{type(error).__name__}: {error}")}
    match failure_of(error):
        case Failure.TIMEOUT:
            return caused("gateway-timeout", f"The proxy at {base_url} does not answer in time.", facts=facts)
        case Failure.BROKEN:
            return caused("gateway-unreachable", f"The connection to the proxy at {base_url} broke.", facts=facts)
        case _:
            return caused("gateway-unreachable", f"No proxy answers at {base_url}.", facts=facts)


def quoted(text: str, secrets: Iterable[str] = (), *, length: int = 300) -> str:
    """Quote what the other side said: on one line, without secrets, cut to ``length`` characters."""
    return redacted(" ".join(text.split()), secrets)[:length]

"""Translate addresses on this machine for a container, whose `localhost` is the container itself."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

__all__ = ["CONTAINER_HOST", "reachable"]

CONTAINER_HOST = "host.docker.internal"  # this machine, as seen from a container

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 (recognised, not bound)


def reachable(url: str, host: str = CONTAINER_HOST) -> str:
    """Return a URL with a loopback address replaced by ``host``; any other URL unchanged."""
    try:
        parts = urlsplit(url)
        if parts.hostname not in _LOOPBACK:
            return url
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return url  # not a URL: whoever uses it reports it better
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{host}{port}"))

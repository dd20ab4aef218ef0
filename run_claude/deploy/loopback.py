"""Addresses on this machine, as a container reaches them: its own `localhost` is the container."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

__all__ = ["CONTAINER_HOST", "reachable"]

CONTAINER_HOST = "host.docker.internal"  # this machine, as the container sees it

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 (recognised, not bound)


def reachable(url: str, host: str = CONTAINER_HOST) -> str:
    """Return a URL with this machine's loopback address replaced by ``host``; any other URL as it is."""
    try:
        parts = urlsplit(url)
        if parts.hostname not in _LOOPBACK:
            return url
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return url  # its user's own message about it will be better than a guess
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{host}{port}"))

"""Translate addresses on this machine for a container, whose `localhost` is the container itself."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

__all__ = ["CONTAINER_HOST", "is_local", "is_loopback", "reachable", "reachable_everywhere", "reachable_value"]

CONTAINER_HOST = "host.docker.internal"  # this machine, as seen from a container

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 (recognised, not bound)
_HOST_NAME = re.compile(r"(?i)(?:^|_)host$")


def is_loopback(url: str) -> bool:
    """Whether a URL is on this machine."""
    return reachable(url) != url


def is_local(url: str) -> bool:
    """Whether a URL is on this machine, or on its network."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host in _LOOPBACK or host == CONTAINER_HOST:
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return bool(host) and ("." not in host or host.endswith((".local", ".lan", ".home", ".internal")))


def reachable_everywhere(value: Any, host: str = CONTAINER_HOST, name: str = "") -> Any:
    """Return a value with each address on this machine in it replaced, at any depth.

    :param name: the key that holds the value
    """
    match value:
        case str():
            return reachable_value(name, value, host)
        case dict():
            return {key: reachable_everywhere(item, host, str(key)) for key, item in value.items()}
        case list():
            return [reachable_everywhere(item, host, name) for item in value]
        case _:
            return value


def reachable_value(name: str, value: str, host: str = CONTAINER_HOST) -> str:
    """Return the value of a setting, for a container: a URL, or the host that ``redis_host`` names."""
    if "://" in value:
        return reachable(value, host)
    return host if _HOST_NAME.search(name) and value in _LOOPBACK else value


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

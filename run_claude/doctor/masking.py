"""The generated configuration as a report may show it: its structure, and no value that somebody pays for. Pure.

Headers, bodies, environments and addresses' query strings are anybody's place for a key, by any name.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from run_claude.domain.redact import looks_secret
from run_claude.domain.words import is_plain

__all__ = ["GONE", "masked", "without_queries"]

GONE = "[redacted]"

_HOLDS_KEYS = re.compile(
    r"(?i)headers?$|cookies?$|^env$|environment_variables|extra_body|query|params$(?<!^litellm_params)"
)
_REFERENCE = re.compile(r"os\.environ/\w+")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_QUERY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s?#\"'<>]*)[?#][^\s\"'<>]*")


def masked(value: Any, found: set[str], *, name: str = "", inside: bool = False) -> Any:
    """Return a document without what may be a key; ``found`` gets each text that was taken out.

    :param inside: whether the value stands in what holds keys by any name
    """
    match value:
        case dict():
            inside = inside or bool(_HOLDS_KEYS.search(name))
            return {key: masked(item, found, name=str(key), inside=inside) for key, item in value.items()}
        case list():
            inside = inside or bool(_HOLDS_KEYS.search(name))
            return [masked(item, found, name=name, inside=inside) for item in value]
        case str() if _REFERENCE.fullmatch(value):
            return value
        case str() if inside or looks_secret(name):
            if not is_plain(value):
                found.add(value)
            return GONE
        case str() if _ADDRESS.match(value):
            return _address(value, found)
        case int() | float() if inside and not isinstance(value, bool):
            return GONE
        case _:
            return value


def _address(value: str, found: set[str]) -> str:
    """Return an address without user, query and fragment."""
    try:
        parts = urlsplit(value)
    except ValueError:
        found.add(value)
        return GONE
    user, _, host = parts.netloc.rpartition("@")
    found |= {part for part in (user, parts.query, parts.fragment, user.partition(":")[2]) if part}
    found |= {text for pair in parts.query.split("&") if (text := pair.partition("=")[2]) and not is_plain(text)}
    kept = f"{parts.scheme}://{f'{GONE}@' if user else ''}{host}{parts.path}"
    return kept + (f"?{GONE}" if parts.query or parts.fragment else "")


def without_queries(text: str) -> str:
    """Return a text whose addresses have neither query nor fragment: logs name them as they were called."""
    return _QUERY.sub(rf"\1?{GONE}", text)

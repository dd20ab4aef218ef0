"""Checks for the user's YAML files: types and known keys. Each error names file, line and key.

And for lists of names in a setting.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.config.yamlfile import Document, KeyPath

__all__ = ["check_keys", "host_names", "mapping", "strings", "text", "value_at"]


_HOST = re.compile(r"(?!-)[a-z0-9._-]{1,253}")


def host_names(value: str) -> str:
    """Return names of hosts, separated by one space each, from a list with spaces or commas.

    :raises ValueError: if one is no name; one with a port or a star is none
    """
    names = value.lower().replace(",", " ").split()
    if not all(map(_HOST.fullmatch, names)):
        raise ValueError("hosts must be names such as box.example.org, without ports, separated by spaces or commas")
    return " ".join(dict.fromkeys(names))


def value_at(document: Document, keys: KeyPath) -> Any:
    """Return the value of a key; ``None`` if it is not set."""
    value = document.data
    for key in keys:
        match value:
            case dict():
                value = value.get(key)
            case list() if isinstance(key, int):
                value = value[key]
            case _:
                return None
    return value


def mapping(document: Document, keys: KeyPath) -> dict[str, Any]:
    """Return a mapping, empty if the key is not set.

    :raises ConfigError: if the value is not a mapping
    """
    value = value_at(document, keys)
    if value is None:
        return {}
    if not isinstance(value, dict):
        what = keys[-1] if keys else "the file"
        raise document.error(keys, f"{what} must be a mapping, not {_kind(value)}.", "Write it as `key: value` lines.")
    return value


def strings(document: Document, keys: KeyPath) -> list[str]:
    """Return a list of strings. A single string is a list of one; a key that is not set, an empty list.

    :raises ConfigError: if the value is not a list of strings
    """
    value = value_at(document, keys)
    if value is None:
        return []
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise document.error(keys, f"{keys[-1]} must be a list, not {_kind(value)}.", "Write it as [one, two].")
    for index, item in enumerate(items):
        if not isinstance(item, str) or not item:
            raise document.error(
                (*keys, index), f"each item of {keys[-1]} must be text, not {_kind(item)}.", "Put it in quotes."
            )
    return items


def text(document: Document, keys: KeyPath) -> str:
    """Return a string, empty if the key is not set.

    :raises ConfigError: if the value is not a string
    """
    value = value_at(document, keys)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise document.error(keys, f"{keys[-1]} must be text, not {_kind(value)}.", "Put it in quotes.")
    return value


def check_keys(document: Document, keys: KeyPath, known: Sequence[str]) -> None:
    """Reject unknown keys, which are most often misspelt.

    :raises ConfigError: with the unknown key and the known ones
    """
    for key in mapping(document, keys):
        if key not in known:
            from difflib import get_close_matches

            close = get_close_matches(key, known, n=1)
            help = f"Did you mean {close[0]}? " if close else ""
            raise document.error(
                (*keys, key), "unknown key.", f"{help}Known keys: {', '.join(known)}.", code="unknown-key"
            )


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false (put yes, no, on and off in quotes)"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "nothing"

"""The checks that both of the user's YAML files need: types and known keys, each error with file, line and key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.config.yamlfile import Document, KeyPath

__all__ = ["check_keys", "mapping", "strings", "text", "value_at"]


def value_at(document: Document, keys: KeyPath) -> Any:
    """Return the value of a key; ``None`` where there is none."""
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
    """Return a mapping; an empty one if there is none.

    :raises ConfigError: if it is something else
    """
    value = value_at(document, keys)
    if value is None:
        return {}
    if not isinstance(value, dict):
        what = keys[-1] if keys else "the file"
        raise document.error(
            keys, f"{what} has to be a mapping, not {_kind(value)}.", "Write `key: value` lines in it."
        )
    return value


def strings(document: Document, keys: KeyPath) -> list[str]:
    """Return a list of strings; a single string counts as a list of one, and nothing as an empty one.

    :raises ConfigError: if it is something else
    """
    value = value_at(document, keys)
    if value is None:
        return []
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise document.error(keys, f"{keys[-1]} has to be a list, not {_kind(value)}.", "Write [one, two].")
    for index, item in enumerate(items):
        if not isinstance(item, str) or not item:
            raise document.error(
                (*keys, index), f"each of {keys[-1]} has to be text, not {_kind(item)}.", "Put it in quotes."
            )
    return items


def text(document: Document, keys: KeyPath) -> str:
    """Return a string; the empty one if there is none.

    :raises ConfigError: if it is something else
    """
    value = value_at(document, keys)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise document.error(keys, f"{keys[-1]} has to be text, not {_kind(value)}.", "Put it in quotes.")
    return value


def check_keys(document: Document, keys: KeyPath, known: Sequence[str]) -> None:
    """Refuse a key that means nothing: most often it is a known one, misspelt.

    :raises ConfigError: naming it, and the known ones
    """
    for key in mapping(document, keys):
        if key not in known:
            from difflib import get_close_matches

            close = get_close_matches(key, known, n=1)
            help = f"Did you mean {close[0]}? " if close else ""
            raise document.error(
                (*keys, key), "unknown key.", f"{help}Known here: {', '.join(known)}.", code="unknown-key"
            )


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false (text like yes, no, on, off wants quotes)"
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

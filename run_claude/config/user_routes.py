"""Read `routes` and `fallbacks` of a profile in `profiles.yaml`, checked key by key."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from run_claude.config.checks import check_keys, mapping, strings, text, value_at
from run_claude.config.model import ROUTES, Routes

if TYPE_CHECKING:
    from run_claude.config.yamlfile import Document, KeyPath

__all__ = ["user_fallbacks", "user_routes"]

_LONG = "long_context"
_EXAMPLE = "Write it as {over: 100000, model: MODEL}."


def user_routes(document: Document, keys: KeyPath, base: Routes | None) -> Routes:
    """Return the routes of a profile. One that is not set is the base's; ``null`` leaves the base's out.

    :raises ConfigError: if a route is not known, or `long_context` has no limit or no model
    """
    raw = mapping(document, keys)
    check_keys(document, keys, ROUTES)
    values: dict[str, Any] = asdict(base or Routes())
    for route in raw:
        if route == _LONG:
            values["over"], values[_LONG] = _long_context(document, (*keys, _LONG))
        else:
            values[route] = text(document, (*keys, route))
    return Routes(**values)


def user_fallbacks(document: Document, keys: KeyPath, base: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fallbacks of a profile; the base's if it sets none.

    :raises ConfigError: if they lead in a circle: a model that has refused is not asked again
    """
    if not isinstance(value_at(document, keys[:-1]), dict) or keys[-1] not in value_at(document, keys[:-1]):
        return base
    names = strings(document, keys)
    for index, name in enumerate(names):
        if name in names[:index]:
            circle = " → ".join(names[names.index(name) : index + 1])
            raise document.error(
                (*keys, index),
                f"the fallbacks lead back to where they were: {circle}.",
                f"Name {name} once: a model that has refused is not asked again.",
                code="fallback-circle",
            )
    return tuple(names)


def _long_context(document: Document, keys: KeyPath) -> tuple[int, str]:
    if value_at(document, keys) is None:
        return 0, ""
    raw = mapping(document, keys)
    check_keys(document, keys, ("over", "model"))
    for key in ("over", "model"):
        if raw.get(key) is None:
            raise document.error(keys, f"{_LONG} has no `{key}`.", _EXAMPLE)
    over = raw["over"]
    if not isinstance(over, int) or isinstance(over, bool) or over < 1:
        raise document.error((*keys, "over"), "over must be a number of tokens, such as 100000.", _EXAMPLE)
    return over, text(document, (*keys, "model"))

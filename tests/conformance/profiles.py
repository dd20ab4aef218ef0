"""The profiles of exchanges that have one: a table as run-claude writes it for its proxy.

In an exchange's profile, SELF is the model of the target that it is tried at, and REFUSING one that refuses it; any
other name is that of another target.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .exchange import Exchange
    from .runner import Case

__all__ = ["profile_header", "profiles_table", "refusing"]


def refusing(exchange: Exchange) -> str:
    """Return the model that refuses an exchange: a deployment of its own, which may be cooled down."""
    return f"refusing.{exchange.name}"


def profile_header(case: Case) -> dict[str, str]:
    """Return the header by which a case's client names its profile; none for one without."""
    return {"x-run-claude-profile": case.name} if case.exchange.profile is not None else {}


def profiles_table(todo: Iterable[Case]) -> str:
    """Return the table of the profiles of all cases, as the proxy reads it: JSON, and complete with its newline."""
    from .runner import model_name

    profiles = {
        case.name: _named(case.exchange.profile, {"SELF": model_name(case), "REFUSING": refusing(case.exchange)})
        for case in todo
        if case.exchange.profile is not None
    }
    return json.dumps({"profiles": profiles}) + "\n"


def _named(value: Any, names: Mapping[str, str]) -> Any:
    match value:
        case str():
            return names.get(value, value)
        case dict():
            return {key: _named(item, names) for key, item in value.items()}
        case list():
            return [_named(item, names) for item in value]
        case _:
            return value

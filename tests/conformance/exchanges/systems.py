"""System messages: at the beginning, in the middle, everywhere."""

from __future__ import annotations

from typing import Any

from tests.conformance.exchange import Exchange

from .request import BETAS, CACHED, assistant, call, request, result, text, user

__all__ = ["EXCHANGES"]

_NOTE = {"role": "system", "content": "The user switched to plan mode."}
_LIST = {"role": "system", "content": [text("Available skills: planted.", **CACHED)]}
_CALLED = assistant(call("toolu_01", "Read", file_path="/a"))


def _with(name: str, what: str, *messages: Any, **changes: Any) -> Exchange:
    return Exchange(name, "system", what, request(name, *messages, **changes), headers=BETAS)


EXCHANGES = [
    _with("system-after-user", "A system message after the user's first words.", user("Hello."), _NOTE),
    _with("system-list", "One whose content is a list with a cache mark.", user("Hello."), _LIST),
    _with("system-two", "Two in a row.", user("Hello."), _NOTE, _LIST),
    _with(
        "system-between",
        "One between the user and the model.",
        user("Hello."),
        _NOTE,
        assistant("Hello!"),
        user("Plan."),
    ),
    _with(
        "system-before-results",
        "One between a call and its result.",
        user("Read."),
        _CALLED,
        _NOTE,
        user(result("toolu_01", "x")),
    ),
    _with(
        "system-after-results",
        "One after a result.",
        user("Read."),
        _CALLED,
        user(result("toolu_01", "x")),
        _NOTE,
    ),
    _with("system-string", "A system prompt that is a text.", system="You are an agent."),
    _with("system-none", "No system prompt.", system=None),
    _with("system-empty", "A system prompt that is an empty list.", system=[]),
    _with(
        "system-marks",
        "Cache marks with a scope and a time to live on the system prompt.",
        system=[
            text("You are an agent.", cache_control={"type": "ephemeral", "ttl": "1h", "scope": "global"}),
            text("Be short.", cache_control={"type": "ephemeral", "ttl": "1h"}),
        ],
    ),
]

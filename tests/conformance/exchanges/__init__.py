"""The exchanges, by topic."""

from __future__ import annotations

from . import (
    content,
    counting,
    errors,
    foreign,
    limits,
    logins,
    profiles,
    sessions,
    streams,
    systems,
    thinking,
    tools,
)

_TOPICS = (
    sessions,
    foreign,
    tools,
    thinking,
    systems,
    content,
    limits,
    streams,
    errors,
    counting,
    logins,
    profiles,
)
EXCHANGES = {exchange.name: exchange for module in _TOPICS for exchange in module.EXCHANGES}

"""The exchanges, by topic."""

from __future__ import annotations

from . import content, counting, errors, limits, logins, profiles, sessions, streams, systems, thinking, tools

EXCHANGES = {
    exchange.name: exchange
    for module in (sessions, tools, thinking, systems, content, limits, streams, errors, counting, logins, profiles)
    for exchange in module.EXCHANGES
}

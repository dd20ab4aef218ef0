"""The settings of an instance with what was said at its starts: see :mod:`run_claude.domain.remembered`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.domain.remembered import VARIABLES, choose
from run_claude.state.intent import load_intent

if TYPE_CHECKING:
    from run_claude.config.settings import Settings

__all__ = ["as_remembered"]


def as_remembered(settings: Settings) -> Settings:
    """Return the settings as they are for this instance now. Applied again, it gives the same.

    :raises ConfigError: if two services would use one port
    """
    intent = load_intent(settings.paths.intent_file)[0]
    words = intent.said if intent is not None else {}
    chosen = {
        name: choose(settings.asked.get(name, ""), settings.configured.get(name, ""), words.get(name))
        for name in VARIABLES
    }
    now = settings.chosen(chosen)
    if now.port == now.database_port:
        raise caused(
            "port-invalid",
            f"The proxy and the database cannot both use port {now.port}.",
            help="Set LITELLM_PORT or RUN_CLAUDE_TIMESCALEDB_PORT to another port, or say --port or --db-port.",
            facts={"port": now.port},
        )
    return now

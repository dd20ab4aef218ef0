"""What was said is remembered: who wins of an option, a variable and what an earlier option said. Pure.

    choose(option, configured, word)  ->  Choice

An option belongs to the instance until something else is said: another option, or the variable of the same meaning,
set to something else than when the option was said. So `LITELLM_PORT` in `.env` or in the environment applies as ever,
except where `--port` was said over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["OFF", "OPTIONS", "VARIABLES", "Choice", "Origin", "Word", "choose"]

VARIABLES = {"port": "LITELLM_PORT", "database_port": "RUN_CLAUDE_TIMESCALEDB_PORT"}
OPTIONS = {"port": "--port", "database_port": "--db-port"}


OFF = "off"  # the database's port: not published, whatever was said before


class Origin(StrEnum):
    """Where a setting comes from, the strongest first."""

    OPTION = "option"
    REMEMBERED = "remembered"
    CONFIGURED = "configured"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Word:
    """What an option said, and what the variable was set to then: empty if it was not set."""

    value: str
    over: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The value that applies (empty: the default), where it comes from, and what a start with it remembers."""

    value: str
    origin: Origin
    word: Word | None = None


def choose(option: str, configured: str, word: Word | None) -> Choice:
    """Return which value applies.

    :param option: what the command says now; empty if it says nothing
    :param configured: what the variable is set to, in the environment or in `.env`; empty if it is not set
    :param word: what an earlier option said
    """
    if option:
        return Choice(option, Origin.OPTION, Word(option, configured))
    if word is not None and configured in ("", word.over):
        return Choice(word.value, Origin.REMEMBERED, word)
    if configured:
        return Choice(configured, Origin.CONFIGURED)
    return Choice("", Origin.DEFAULT)

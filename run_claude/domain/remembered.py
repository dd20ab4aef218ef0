"""What was said is remembered: who wins of an option, a variable and what an earlier option said. Pure.

    choose(option, configured, word, lasting)  ->  Choice

An option belongs to the instance until something else is said: another option, or the variable of the same meaning,
set to something else than when the option was said. So `LITELLM_PORT` in `.env` or in the environment applies as ever,
except where `--port` was said over it. A variable of the shell that a start was called in is such a word, too: the next
shell does not have it, and the stack that runs is the same.
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
    """What an option or the shell's variable said, and what it was said over: empty if nothing else was set."""

    value: str
    over: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The value that applies (empty: the default), where it comes from, and what a start with it remembers."""

    value: str
    origin: Origin
    word: Word | None = None


def choose(option: str, configured: str, word: Word | None, lasting: str | None = None) -> Choice:
    """Return which value applies.

    :param option: what the command says now; empty if it says nothing
    :param configured: what the variable is set to, in the environment or in `.env`; empty if it is not set
    :param word: what an earlier start was told
    :param lasting: what the variable is set to for every shell, in `.env`; by default what is configured
    """
    if option:
        return Choice(option, Origin.OPTION, Word(option, configured))
    if word is not None and configured in ("", word.over):
        return Choice(word.value, Origin.REMEMBERED, word)
    if configured:
        of_the_shell = lasting is not None and configured != lasting
        return Choice(configured, Origin.CONFIGURED, Word(configured, lasting or "") if of_the_shell else None)
    return Choice("", Origin.DEFAULT)

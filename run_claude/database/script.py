"""Several sessions in one run of psql: a command in a container costs 0.1 s of CPU, a session a hundredth of that.

A restore needs some, for what it does as another user, and because some settings apply to new sessions only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from run_claude.database.queries import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["SUPERUSER", "Statements", "script_of", "split"]

SUPERUSER = "postgres"


class Statements(NamedTuple):
    """SQL for a session of its own."""

    database: str
    sql: str
    user: str = SUPERUSER


def script_of(sessions: Sequence[Statements], mark: str) -> str:
    """Return the input for a psql that is connected as the first session wants it.

    :param mark: a line between the answers of two sessions, which no answer contains
    """
    first, *others = sessions
    parts = (f"\n\\echo {mark}\n{connect(other.database, other.user)}\n{other.sql}" for other in others)
    return first.sql + "".join(parts)


def split(lines: Iterable[str], mark: str) -> list[list[str]]:
    """Return the answers of each session."""
    answers: list[list[str]] = [[]]
    for line in lines:
        if line == mark:
            answers.append([])
        else:
            answers[-1].append(line)
    return answers

"""Several sessions in one run of psql: a command in a container costs 0.1 s of CPU, a session in it 0.01 s.

A restore needs some, for what it does as another user, and because some settings apply to new sessions only. Each is
sent when the one before has ended: who is interrupted leaves a psql that ends with the session it is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import anyio

from run_claude.database.queries import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

__all__ = ["SUPERUSER", "Script", "Statements"]

SUPERUSER = "postgres"


class Statements(NamedTuple):
    """SQL for a session of its own."""

    database: str
    sql: str
    user: str = SUPERUSER


class Script:
    """The sessions of one psql, which is connected as the first of them wants it, and what they answer.

    :param mark: a line between the answers of two sessions, which no answer contains
    """

    def __init__(self, sessions: Sequence[Statements], mark: str) -> None:
        self._sessions = sessions
        self._mark = mark.encode()
        self._said = b""
        self._complete: list[bytes] = []  # what ended sessions have said
        self._ended = anyio.Event()

    async def source(self) -> AsyncIterator[bytes]:
        """Yield psql's input, a session at a time."""
        for number, session in enumerate(self._sessions):
            if number:
                await self._ended.wait()
                self._ended = anyio.Event()
            begin = f"{connect(session.database, session.user)}\n" if number else ""
            end = f"\\echo {self._mark.decode()}\n" if number < len(self._sessions) - 1 else ""
            yield f"{begin}{session.sql}\n{end}".encode()

    def sink(self, chunk: bytes) -> None:
        """Take some of psql's output."""
        self._said += chunk
        end = b"\n" + self._mark + b"\n"
        # Its first line may be the mark.
        while (at := (b"\n" + self._said).find(end)) >= 0:
            self._complete.append(self._said[:at])
            self._said = self._said[at + len(end) - 1 :]
            self._ended.set()

    def answers(self) -> list[list[str]]:
        """Return the lines that each session has answered: at newlines alone, for a name may hold any other end."""
        texts = [said.decode(errors="replace") for said in (*self._complete, self._said)]
        return [text.removesuffix("\n").split("\n") if text else [] for text in texts]

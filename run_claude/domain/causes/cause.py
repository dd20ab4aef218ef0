"""The type of a registered cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from run_claude.errors import RunClaudeError

__all__ = ["Cause"]


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause of errors, as `docs/errors.md` lists it.

    :param code: stable, kebab-case; scripts rely on it
    :param error: its class, which has the exit code
    :param meaning: one line: what happened
    :param help: one line: what to do; an error may replace it with one that has the names and numbers of its case
    :param retryable: whether the same command may succeed later without a change by the user
    :param exit_code: an exit code that differs from the class's: 126 and 127, as in a shell
    :param also: further classes, for the same cause in another place: an unknown name in a file, not in a command
    """

    code: str
    error: type[RunClaudeError]
    meaning: str
    help: str
    retryable: bool = False
    also: tuple[type[RunClaudeError], ...] = ()
    exit_code: int = 0

    @property
    def exit_codes(self) -> tuple[int, ...]:
        """The exit codes that a command may have because of it."""
        return (self.exit_code or self.error.exit_code, *(error.exit_code for error in self.also))

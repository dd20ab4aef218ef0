"""What is known of one cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from run_claude.errors import RunClaudeError

__all__ = ["Cause"]


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause, as the page of errors has it.

    :param code: stable, kebab-case; scripts rely on it
    :param error: its class, which has the exit code
    :param meaning: one line
    :param help: one line; an error may say it with the names and numbers of its own case
    :param retryable: whether the same command may work later without a change by the user
    :param exit_code: where it is not that of the class: 126 and 127, as a shell has them
    :param also: classes of the same cause met elsewhere: a name that does not exist, in a file instead of a command
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
        """The exit codes with which a command may end because of it."""
        return (self.exit_code or self.error.exit_code, *(error.exit_code for error in self.also))

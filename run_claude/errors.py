"""The tree of errors that a user can meet.

RunClaudeError
├── UsageError            2   a flag, an argument or a profile name that does not exist
├── ConfigError           3   a file or a variable that cannot be used
├── EngineError           4   Docker is not installed, not running, too old, or denies permission
├── BuildError            5   the image cannot be built, or a base image cannot be pulled
├── StartError            6   a container exits, loops, or is unhealthy
├── StartTimeout          7   nothing failed, but the stack is not healthy in time
├── ConflictError         8   a port, a name or a volume is in use by something else
├── BusyError             9   another run-claude holds the lock of this instance
├── GatewayError         10   the proxy does not answer, or answers with an error
└── DataError            11   a database command failed or was refused

Each has a message (one line: what happened), a help (one line: what to do), a stable ``code``
for machines, an exit code that belongs to the class, and the ``facts`` it was derived from.
`run_claude.domain.causes.caused` makes them all: class, exit code and ``retryable`` of a code are in its registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BuildError",
    "BusyError",
    "ConfigError",
    "ConflictError",
    "DataError",
    "EngineError",
    "GatewayError",
    "RunClaudeError",
    "StartError",
    "StartTimeout",
    "UsageError",
]


class RunClaudeError(Exception):
    """An error with a message, a help line, a stable code and an exit code.

    :param message: one line: what happened, and to what
    :param help: one line: what the user can do
    :param code: stable identifier for machines, kebab-case (``port-taken``)
    :param detail: more to read below the two lines: the last lines of a log, a failed build step
    :param retryable: whether the same call may succeed later without a change by the user
    :param facts: what the error was derived from; JSON values, never a secret
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        help: str,
        code: str,
        detail: str = "",
        retryable: bool = False,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.code = code
        self.detail = detail
        self.retryable = retryable
        self.facts: dict[str, object] = dict(facts or {})

    def as_json(self) -> dict[str, object]:
        """Return the error envelope that ``--json`` prints."""
        return {
            "code": self.code,
            "message": self.message,
            "help": self.help,
            "detail": self.detail,
            "retryable": self.retryable,
            "exit_code": self.exit_code,
            "facts": self.facts,
        }


class UsageError(RunClaudeError):
    """A flag, an argument or a name does not exist."""

    exit_code = 2


class ConfigError(RunClaudeError):
    """A file or a variable cannot be used; the message names file, line and key where known."""

    exit_code = 3


class EngineError(RunClaudeError):
    """The Docker engine or its Compose plugin cannot be used."""

    exit_code = 4


class BuildError(RunClaudeError):
    """The image cannot be built, or a base image cannot be pulled."""

    exit_code = 5


class StartError(RunClaudeError):
    """A container exits, loops, or is unhealthy."""

    exit_code = 6


class StartTimeout(RunClaudeError):
    """Nothing failed, but the stack is not healthy in time."""

    exit_code = 7


class ConflictError(RunClaudeError):
    """A port, a name or a volume is in use by something else."""

    exit_code = 8


class BusyError(RunClaudeError):
    """Another run-claude command holds the instance's lock."""

    exit_code = 9


class GatewayError(RunClaudeError):
    """The proxy does not answer, or answers with an error."""

    exit_code = 10


class DataError(RunClaudeError):
    """A database command failed or was refused."""

    exit_code = 11

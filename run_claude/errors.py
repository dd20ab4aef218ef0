"""Every error a user can meet, as one tree.

RunClaudeError
├── UsageError            2   a flag, an argument or a profile name that does not exist
├── ConfigError           3   a file or a variable of the user's that cannot be used
├── EngineError           4   Docker: not installed, not running, no permission, too old
├── BuildError            5   the image cannot be built, or a base image cannot be had
├── StartError            6   a container died, loops, or is unhealthy
├── StartTimeout          7   nothing failed, but it is not healthy in time
├── ConflictError         8   a port, a name or a volume belongs to somebody else
├── BusyError             9   another run-claude holds the lock of this instance
├── GatewayError         10   the proxy runs, but does not answer as it should
└── DataError            11   a database command that failed or was refused

Each has a message (one line: what happened), a help (one line: what to do), a stable ``code``
for machines, an exit code that belongs to the class, and ``facts`` that went into it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

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
    """An error with a cause line, a help line, a stable code and an exit code.

    :param message: one line, what happened and to what
    :param help: one line, what the user can do about it
    :param code: stable identifier for machines, kebab-case (``port-taken``); the class's own by default
    :param detail: what the user may want to read below the two lines (last log lines, a failed build step)
    :param retryable: whether the same call may work later without any change by the user
    :param facts: what the error was derived from; JSON values only, never a secret
    """

    exit_code: ClassVar[int] = 1
    default_code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        help: str,
        code: str | None = None,
        detail: str = "",
        retryable: bool = False,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.code = code or self.default_code
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
    """A flag, an argument or a name that does not exist."""

    exit_code = 2
    default_code = "usage"


class ConfigError(RunClaudeError):
    """A file or a variable of the user's that cannot be used; names file, line and key where known."""

    exit_code = 3
    default_code = "config-invalid"


class EngineError(RunClaudeError):
    """The Docker engine or its Compose plugin cannot be used."""

    exit_code = 4
    default_code = "engine-unavailable"


class BuildError(RunClaudeError):
    """The image cannot be built, or a base image cannot be had."""

    exit_code = 5
    default_code = "build-failed"


class StartError(RunClaudeError):
    """A container died, loops, or is unhealthy."""

    exit_code = 6
    default_code = "start-failed"


class StartTimeout(RunClaudeError):
    """Nothing failed, but the stack is not healthy within the given time."""

    exit_code = 7
    default_code = "start-timeout"


class ConflictError(RunClaudeError):
    """A port, a name or a volume belongs to somebody else."""

    exit_code = 8
    default_code = "conflict"


class BusyError(RunClaudeError):
    """Another run-claude command holds the lock of this instance."""

    exit_code = 9
    default_code = "busy"


class GatewayError(RunClaudeError):
    """The proxy runs, but does not answer as it should."""

    exit_code = 10
    default_code = "gateway"


class DataError(RunClaudeError):
    """A database command failed or was refused."""

    exit_code = 11
    default_code = "data"

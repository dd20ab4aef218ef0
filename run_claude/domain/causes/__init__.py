"""The causes of errors. Every error is made with `caused`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.errors import RunClaudeError

__all__ = ["caused"]


def caused(
    code: str,
    message: str,
    *,
    help: str = "",
    kind: type[RunClaudeError] | None = None,
    detail: str = "",
    facts: Mapping[str, object] | None = None,
) -> RunClaudeError:
    """Return the error of a registered cause. Its class, its exit code and whether to retry come from the registry.

    :param message: one line: what happened, and to what
    :param help: one line: what to do, with the names of this case; the registry's own line by default
    :param kind: one of the cause's other classes (``Cause.also``), where the cause is met in another place
    :param detail: more to read below the two lines: the last lines of a log, a failed build step
    :param facts: what the error was derived from; JSON values, never a secret
    :raises KeyError: if the code is not registered
    :raises ValueError: if the cause is not registered with this class
    """
    # Imported here because the table takes a while to build, and is needed only once something has failed.
    from run_claude.domain.causes.registry import CAUSES

    cause = CAUSES[code]
    made = kind or cause.error
    if made not in (cause.error, *cause.also):
        raise ValueError(f"{code} is not registered with {made.__name__}")
    error = made(message, help=help or cause.help, code=code, detail=detail, retryable=cause.retryable, facts=facts)
    if made is cause.error and cause.exit_code:
        error.exit_code = cause.exit_code
    return error

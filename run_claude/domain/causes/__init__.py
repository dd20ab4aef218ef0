"""Every failure that run-claude can name, and the one way to make an error of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.errors import RunClaudeError

__all__ = ["caused"]


def caused(
    code: str, message: str, *, help: str = "", detail: str = "", facts: Mapping[str, object] | None = None
) -> RunClaudeError:
    """Return the error of a registered cause: its class and whether to try again are the registry's.

    :param help: the cause's own, in the words of this case; the registry's by default
    :raises KeyError: for a code that is not registered
    """
    from run_claude.domain.causes.registry import (
        CAUSES,  # only where something has failed: the table takes a while to make
    )

    cause = CAUSES[code]
    return cause.error(
        message, help=help or cause.help, code=code, detail=detail, retryable=cause.retryable, facts=facts
    )

"""What every cause owes: its code, its exit code, one line of message, one of help, and no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from run_claude.domain.causes.registry import CAUSES

if TYPE_CHECKING:
    from tests.engine.instance import Instance

__all__ = ["checked", "fails"]


def checked(error: dict[str, Any], code: str) -> dict[str, Any]:
    """Check an envelope against the registry, and return it."""
    cause = CAUSES[code]
    assert error["code"] == code, error
    assert error["exit_code"] in cause.exit_codes
    assert error["retryable"] is cause.retryable
    for line in ("message", "help"):
        assert error[line]
        assert "\n" not in error[line]
    return error


def fails(instance: Instance, code: str, *arguments: str) -> dict[str, Any]:
    """Run a command that must fail with this cause, and return its envelope."""
    cause = CAUSES[code]
    told = instance.json(*(arguments or ("proxy", "start", "--no-db")), expect=cause.exit_codes[0])
    return checked(told["error"], code)

"""Why the engine cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.domain.diagnosis.transport import Failure, failure_of, quoted

if TYPE_CHECKING:
    from run_claude.errors import RunClaudeError

__all__ = ["MINIMUM_API", "engine_frozen", "engine_too_old", "engine_unreachable"]

MINIMUM_API = (1, 44)  # Engine 25: the first with `start_interval`; older ones refuse the compose file half-way


def engine_unreachable(host: str, error: BaseException, *, installed: bool = True) -> RunClaudeError:
    """Return why the engine at ``host`` cannot be asked.

    :param error: what the client raised
    :param installed: whether there is a docker command; without it and without a socket Docker is not installed
    """
    facts: dict[str, object] = {"host": host, "error": quoted(f"{type(error).__name__}: {error}")}
    match failure_of(error):
        case Failure.DENIED:
            return caused("engine-permission", f"No permission to use the Docker engine at {host}.", facts=facts)
        case Failure.MISSING if not installed:
            return caused("engine-not-installed", f"Docker is not installed: no docker command, nothing at {host}.")
        case Failure.MISSING | Failure.REFUSED:
            return caused("engine-not-running", f"No Docker engine is running at {host}.", facts=facts)
        case Failure.TIMEOUT:
            return engine_frozen(None)
        case _:
            what = quoted(str(error)) or type(error).__name__
            return caused(
                "engine-connection", f"The connection to the Docker engine at {host} broke: {what}", facts=facts
            )


def engine_frozen(seconds: float | None) -> RunClaudeError:
    """Return the error for an engine that accepts a connection and does not answer."""
    within = f" within {seconds:.0f} s" if seconds else ""
    return caused("engine-frozen", f"The Docker engine does not answer{within}.")


def engine_too_old(version: tuple[int, int]) -> RunClaudeError:
    """Return the error for an engine of this API version."""
    spoken = f"{version[0]}.{version[1]}"
    return caused(
        "engine-too-old",
        f"This Docker engine speaks API {spoken}: too old for health checks with `start_interval`.",
        facts={"api_version": spoken},
    )

"""Why the engine cannot be used: unreachable, frozen, too old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.domain.diagnosis.transport import Failure, failure_of, quoted

if TYPE_CHECKING:
    from run_claude.errors import RunClaudeError

__all__ = ["MINIMUM_API", "NEWEST_API", "engine_frozen", "engine_newer", "engine_too_old", "engine_unreachable"]

MINIMUM_API = (
    1,
    44,
)  # Engine 25, the first with `start_interval`; an older one rejects the compose file half-way through


NEWEST_API = (1, 51)  # Engine 28.5, the newest that run-claude was run with; engines speak older versions as well


def engine_newer(version: tuple[int, int]) -> str:
    """Return, in words, that an engine is newer than what run-claude was run with; empty if it is not."""
    if version <= NEWEST_API:
        return ""
    spoken, known = (f"{major}.{minor}" for major, minor in (version, NEWEST_API))
    return f"API {spoken} is newer than run-claude was tried with ({known})"


def engine_unreachable(host: str, error: BaseException, *, installed: bool = True) -> RunClaudeError:
    """Return the error for an engine at ``host`` that cannot be reached.

    :param error: what the client raised
    :param installed: whether there is a docker command; without that and a socket, Docker is not installed
    """
    facts: dict[str, object] = {"host": host, "error": quoted(f"{type(error).__name__}: {error}")}
    match failure_of(error):
        case Failure.DENIED:
            return caused("engine-permission", f"No permission to use the Docker engine at {host}.", facts=facts)
        case Failure.MISSING if not installed:
            return caused(
                "engine-not-installed", f"Docker is not installed: there is no docker command, and no socket at {host}."
            )
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
    """Return the error for an engine with this API version."""
    spoken = f"{version[0]}.{version[1]}"
    return caused(
        "engine-too-old",
        f"This Docker engine has API {spoken}, which is too old for health checks with `start_interval`.",
        facts={"api_version": spoken},
    )

"""Why the engine cannot be used: unreachable, refusing, frozen, too old."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.domain.diagnosis.transport import Failure, failure_of, quoted

if TYPE_CHECKING:
    from run_claude.errors import RunClaudeError

__all__ = [
    "MINIMUM_API",
    "NEWEST_API",
    "engine_frozen",
    "engine_newer",
    "engine_refused",
    "engine_too_old",
    "engine_unreachable",
    "is_away",
]

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
        case Failure.TLS:
            return caused("engine-tls", f"No TLS with the Docker engine at {host}: {quoted(str(error))}", facts=facts)
        case _:
            what = quoted(str(error)) or type(error).__name__
            return caused(
                "engine-connection", f"The connection to the Docker engine at {host} broke: {what}", facts=facts
            )


# Docker Desktop's own server answers while its engine is paused, starts or stops.
_AWAY = re.compile(r"Docker Desktop is |daemon not running")
_GATEWAY = range(502, 505)


def is_away(status: int, body: str) -> bool:
    """Whether an answer comes from what stands in front of an engine that does not run: a socket proxy's is no JSON.

    :param body: the answer, or the engine's message in it
    """
    said = _message(body)
    return (status >= 500 and _AWAY.match(body if said is None else said) is not None) or (
        status in _GATEWAY and said is None
    )


def engine_refused(asked: str, status: int, body: str) -> RunClaudeError:
    """Return the error for an answer that is a refusal.

    :param asked: what the engine was asked for, as a noun
    :param body: of the answer
    """
    said = _message(body)
    words = quoted(body if said is None else said)
    if is_away(status, body):
        help = "Start or unpause it in Docker Desktop." if "Docker Desktop" in words else ""
        return caused("engine-not-running", f"The Docker engine does not run: {words or status}", help=help)
    return caused("engine-refused", f"The Docker engine refused {asked}: {status} {words}")


def _message(body: str) -> str | None:
    """Return what the engine says in an answer; ``None`` if it is not the engine's."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, TypeError, KeyError):
        return None


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

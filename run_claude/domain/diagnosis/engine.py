"""Why the engine cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from run_claude.errors import RunClaudeError

__all__ = ["MINIMUM_API", "engine_frozen", "engine_too_old", "engine_unreachable"]

MINIMUM_API = (1, 44)  # Engine 25: the first with `start_interval`; older ones refuse the compose file half-way


def engine_unreachable(host: str, error: BaseException, *, installed: bool = True) -> RunClaudeError:
    """Return why the engine at ``host`` cannot be asked.

    :param error: what the client raised; an ``OSError`` anywhere in its chain decides
    :param installed: whether there is a docker command; without one, nobody has installed Docker here
    """
    facts: dict[str, object] = {"host": host, "error": f"{type(error).__name__}: {error}"}
    cause = _os_error(error)
    if isinstance(cause, PermissionError):
        return caused("engine-permission", f"No permission to use the Docker engine at {host}.", facts=facts)
    if isinstance(cause, FileNotFoundError) and not installed:
        return caused("engine-not-installed", f"Docker is not installed: no docker command, nothing at {host}.")
    if isinstance(cause, FileNotFoundError | ConnectionRefusedError):
        return caused("engine-not-running", f"No Docker engine is running at {host}.", facts=facts)
    if "timeout" in type(error).__name__.lower():
        return engine_frozen(None)
    what = str(error) or type(error).__name__
    return caused("engine-connection", f"The connection to the Docker engine at {host} broke: {what}", facts=facts)


def _os_error(error: BaseException | None) -> OSError | None:
    """Return the operating system's error below the clients' own; the message alone is all that some leave of it."""
    seen: set[int] = set()
    text = ""
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno is not None:
            return error
        text += f" {error}"
        error = error.__cause__ or error.__context__
    if "ermission denied" in text:
        return PermissionError(text)
    if "No such file" in text:
        return FileNotFoundError(text)
    if "refused" in text or "connection attempts failed" in text:
        return ConnectionRefusedError(text)
    return None


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

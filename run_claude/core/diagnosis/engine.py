"""Why the engine cannot be asked."""

from __future__ import annotations

from run_claude.core.errors import EngineError

__all__ = ["engine_frozen", "engine_unreachable"]


def engine_unreachable(host: str, error: BaseException) -> EngineError:
    """Return why the engine at ``host`` cannot be asked.

    :param error: what the client raised; an ``OSError`` anywhere in its chain decides
    """
    facts = {"host": host, "error": f"{type(error).__name__}: {error}"}
    cause = _os_error(error)
    if isinstance(cause, PermissionError):
        return EngineError(
            f"No permission to use the Docker engine at {host}.",
            help="Add yourself to the `docker` group (`sudo usermod -aG docker $USER`) and log in again.",
            code="engine-permission",
            facts=facts,
        )
    if isinstance(cause, FileNotFoundError | ConnectionRefusedError):
        return EngineError(
            f"No Docker engine is running at {host}.",
            help="Start it (`scripts/engine`, `sudo systemctl start docker`, or Docker Desktop), then try again.",
            code="engine-not-running",
            retryable=True,
            facts=facts,
        )
    if "timeout" in type(error).__name__.lower():
        return engine_frozen(None)
    return EngineError(
        f"The connection to the Docker engine at {host} broke: {str(error) or type(error).__name__}",
        help="Run `docker info`; if that fails too, restart the engine.",
        code="engine-connection",
        retryable=True,
        facts=facts,
    )


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
    if "No such file" in text or "refused" in text or "connection attempts failed" in text:
        return ConnectionRefusedError(text)
    return None


def engine_frozen(seconds: float | None) -> EngineError:
    """Return the error for an engine that accepts a connection and does not answer."""
    return EngineError(
        f"The Docker engine does not answer{f' within {seconds:.0f} s' if seconds else ''}.",
        help="Run `docker ps`; if that hangs too, restart the engine.",
        code="engine-frozen",
        retryable=True,
    )

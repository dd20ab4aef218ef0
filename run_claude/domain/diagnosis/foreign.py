"""What answers and is not a Docker engine of this machine: one elsewhere, or Podman."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from run_claude.domain.causes import caused
from run_claude.domain.visible import visible

if TYPE_CHECKING:
    from run_claude.errors import RunClaudeError

__all__ = ["docker_is_podman", "engine_elsewhere", "engine_is_podman", "engine_over_ssh"]

_THERE = "the proxy's port would be published there, not here"
_LOCAL = "unset DOCKER_HOST and DOCKER_CONTEXT, or run `docker context use default`"


def engine_over_ssh(host: str, port: int) -> RunClaudeError:
    """Return the error for an endpoint ``ssh://``, on whatever machine it ends.

    :param port: the proxy's
    """
    parts = urlsplit(host)
    options = f"-p {parts.port} " if parts.port else ""
    user = f"{parts.username}@" if parts.username else ""
    machine = parts.hostname or "HOST"
    shown = f"ssh://{user}{machine}{f':{parts.port}' if parts.port else ''}"
    return caused(
        "engine-remote",
        f"The Docker engine is reached over ssh ({visible(shown)}): {_THERE}.",
        help=_help(machine, f"{options}-L {port}:127.0.0.1:{port} {user}{machine}"),
        facts={"host": shown},
    )


def engine_elsewhere(host: str, port: int, *, name: str = "", inside: bool = False) -> RunClaudeError:
    """Return the error for an engine on another machine.

    :param port: the proxy's
    :param name: the machine's, as the engine tells it; empty if the address alone says that it is another
    :param inside: whether run-claude is in a container, and the engine is not
    """
    machine = name or urlsplit(host).hostname or "HOST"
    facts = {"host": host, "engine": name}
    if inside:
        return caused(
            "engine-remote",
            f"run-claude is in a container, and the Docker engine at {host} is outside of it, on {visible(machine)}: "
            f"{_THERE}.",
            help="Run run-claude outside of the container.",
            facts=facts,
        )
    told = f", {visible(name)}" if name else ""
    return caused(
        "engine-remote",
        f"The Docker engine at {host} is on another machine{told}: {_THERE}.",
        help=_help(machine, f"-L {port}:127.0.0.1:{port} {machine}"),
        facts=facts,
    )


def _help(machine: str, options: str) -> str:
    return (
        f"Run run-claude on {visible(machine)}, forward the port with `ssh {visible(options)}`, and use what "
        f"`run-claude env` prints there. "
        f"For an engine of this machine, {_LOCAL}."
    )


def engine_is_podman(host: str, version: str) -> RunClaudeError:
    """Return the error for Podman, which answers as Docker.

    Podman 5.8 speaks API 1.44 and drops `start_interval` without a word (measured; 6.0 in its source); 4.3 speaks 1.41,
    for which Compose refuses it. The first probe would come after 30 s, and each one is an event.
    """
    return caused(
        "engine-podman",
        f"Podman {visible(version)} answers at {host}, and not Docker. No Podman can be used so far: its health checks "
        "have no `start_interval`.",
        facts={"host": host, "podman": version},
    )


def docker_is_podman(path: str, version: str) -> RunClaudeError:
    """Return the error for a docker command that is Podman's."""
    return caused(
        "docker-cli-podman",
        f"The docker command {path} is Podman {visible(version)}: it would start the containers in Podman.",
        facts={"path": path, "podman": version},
    )

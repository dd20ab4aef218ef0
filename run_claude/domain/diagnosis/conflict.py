"""Conflicts with what exists: a port, a container's name, the database volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from run_claude.errors import RunClaudeError

__all__ = ["bind_unavailable", "foreign_container", "port_taken", "stranger"]


def port_taken(port: int, setting: str, *, holder: str, free: int | None, detail: str = "") -> RunClaudeError:
    """Return the error for a port that is in use.

    :param setting: the variable that sets the port
    :param holder: the process or container that uses it; empty if it cannot be seen
    :param free: the next free port, if one was found
    """
    return caused(
        "port-taken",
        f"Port {port} is taken{f' by {holder}' if holder else ''}.",
        help=f"Stop it, or choose another port: {setting}={free or port + 1}"
        + (" (or --port)." if setting == "LITELLM_PORT" else "."),
        detail=detail,
        facts={"port": port, "setting": setting, "holder": holder, "free_port": free},
    )


def bind_unavailable(bind: str, setting: str) -> RunClaudeError:
    """Return the error for an address that this host does not have.

    :param setting: the variable that sets the address
    """
    return caused(
        "bind-unavailable",
        f"This host does not have the address {bind} ({setting}).",
        help=f"Set {setting} to an address that `ip addr` shows: 127.0.0.1 for this machine alone.",
        facts={"bind": bind, "setting": setting},
    )


def stranger(name: str, image: str) -> RunClaudeError:
    """Return the error for a container that carries the stack's labels and is none of it: Compose would replace it."""
    return caused(
        "name-taken",
        f"The container {name} (image {image}) has the labels of this stack and is none of it: its name or its health"
        " check is another.",
        help=f"Remove it with `docker rm -f {name}`, or choose another name with --instance NAME.",
        facts={"container": name, "image": image},
    )


def foreign_container(name: str, image: str) -> RunClaudeError:
    """Return the error for a container that has our name but does not belong to the stack."""
    return caused(
        "name-taken",
        f"A container named {name} exists and does not belong to this stack (image {image}).",
        help=f"Remove it with `docker rm -f {name}`, or choose another name with --instance NAME.",
        facts={"container": name, "image": image},
    )

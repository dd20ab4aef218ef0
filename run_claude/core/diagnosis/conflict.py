"""What somebody else holds: a port, a container's name."""

from __future__ import annotations

from run_claude.core.errors import ConflictError

__all__ = ["foreign_container", "port_taken"]


def port_taken(port: int, setting: str, *, holder: str, free: int | None, detail: str = "") -> ConflictError:
    """Return the error for a port that somebody else holds.

    :param setting: the variable that moves it
    :param holder: who has it, in words; empty if it cannot be seen
    :param free: the next port that is free, if one was found
    """
    return ConflictError(
        f"Port {port} is taken{f' by {holder}' if holder else ''}.",
        help=f"Stop it, or choose another port: {setting}={free or port + 1}"
        + (" (or --port)." if setting == "LITELLM_PORT" else "."),
        code="port-taken",
        detail=detail,
        facts={"port": port, "setting": setting, "holder": holder, "free_port": free},
    )


def foreign_container(name: str, image: str) -> ConflictError:
    """Return the error for a container that has our name and is not ours."""
    return ConflictError(
        f"A container named {name} exists and is not of this stack (image {image}).",
        help=f"Remove it with `docker rm -f {name}`, or choose another name with --instance NAME.",
        code="name-taken",
        facts={"container": name, "image": image},
    )

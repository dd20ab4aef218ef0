"""What somebody else holds, or made: a port, a container's name, the database's volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from run_claude.errors import RunClaudeError

__all__ = ["database_version", "foreign_container", "port_taken"]


def port_taken(port: int, setting: str, *, holder: str, free: int | None, detail: str = "") -> RunClaudeError:
    """Return the error for a port that somebody else holds.

    :param setting: the variable that moves it
    :param holder: who has it, in words; empty if it cannot be seen
    :param free: the next port that is free, if one was found
    """
    return caused(
        "port-taken",
        f"Port {port} is taken{f' by {holder}' if holder else ''}.",
        help=f"Stop it, or choose another port: {setting}={free or port + 1}"
        + (" (or --port)." if setting == "LITELLM_PORT" else "."),
        detail=detail,
        facts={"port": port, "setting": setting, "holder": holder, "free_port": free},
    )


def foreign_container(name: str, image: str) -> RunClaudeError:
    """Return the error for a container that has our name and is not ours."""
    return caused(
        "name-taken",
        f"A container named {name} exists and is not of this stack (image {image}).",
        help=f"Remove it with `docker rm -f {name}`, or choose another name with --instance NAME.",
        facts={"container": name, "image": image},
    )


def database_version(volume: str, found: str, image: str, expected: str) -> RunClaudeError:
    """Return the error for a volume that was made by another major version of PostgreSQL.

    :param found: what the volume's PG_VERSION says
    :param expected: the image's PG_MAJOR
    """
    return caused(
        "database-version",
        f"The volume {volume} was made by PostgreSQL {found}, and {image} has {expected}.",
        help=f"Set RUN_CLAUDE_TIMESCALEDB_IMAGE to an image with PostgreSQL {found}; to change over, dump there and"
        " restore into a new volume. Nothing was touched.",
        facts={"volume": volume, "volume_version": found, "image": image, "image_version": expected},
    )

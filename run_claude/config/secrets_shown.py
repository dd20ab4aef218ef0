"""Secrets on their way out: shown with their ends only, or written whole to a file that the user names."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from run_claude.config.files import write_new
from run_claude.config.secrets import DATABASE_PASSWORD, MASTER_KEY, SALT_KEY, UI_PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from run_claude.config.settings import Settings

__all__ = ["export", "masked", "overview"]

_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def export(settings: Settings, path: Path) -> None:
    """Write the variables in `.env` to a new file (0600), as `export` lines for a POSIX shell. Nothing is printed.

    :raises ConfigError: if `.env` cannot be used, or the file already exists
    """
    values = settings.environment().file
    lines = [
        f"export {name}={shlex.quote(value)}\n" for name, (value, _) in values.items() if _SHELL_NAME.fullmatch(name)
    ]
    write_new(path, "".join(lines))


def overview(settings: Settings, names: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return name, origin and masked value of our own secrets and of those in ``names`` that are set.

    :raises ConfigError: if `.env` cannot be used
    """
    env = settings.environment()
    wanted = [MASTER_KEY, DATABASE_PASSWORD, SALT_KEY, UI_PASSWORD, *sorted(set(names))]
    return [
        (name, env.origin(name).removesuffix(f": {name}"), masked(env.get(name))) for name in wanted if env.get(name)
    ]


def masked(value: str) -> str:
    """Return the part of a secret that may be shown: enough to tell two keys apart, too little to use one."""
    if len(value) < 16:
        return "…"
    return f"{value[:3]}…{value[-4:]} ({len(value)} characters)"

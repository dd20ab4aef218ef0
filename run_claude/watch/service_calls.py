"""Calls of a service manager, and how it knows this user."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from run_claude.errors import RunClaudeError

__all__ = ["call", "passwd_home", "problem_of", "refused", "user_name", "with_runtime_folder"]

_WITHIN = 30.0  # seconds for one call


def call(argv: Sequence[str], environ: Mapping[str, str], *, check: bool = True) -> None:
    """Run a command.

    :raises ConfigError: if it fails, and that is to be told
    """
    problem = problem_of(argv, environ)
    if problem and check:
        raise refused(argv, problem)


def problem_of(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a command and return the last line of what went wrong; nothing if nothing did."""
    try:
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=_WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return said[-1] if done.returncode else ""


def refused(argv: Sequence[str], problem: str, help: str = "") -> RunClaudeError:
    """Return the error of a command that failed."""
    return caused("service-refused", f"`{' '.join(argv)}` failed: {problem}", help=help)


def with_runtime_folder(environ: Mapping[str, str], usual: Path) -> dict[str, str]:
    """Return an environment in which `systemctl --user` finds this user's manager.

    `su`, `sudo` and cron leave the variable out, or leave that of another user in.
    """
    named = environ.get("XDG_RUNTIME_DIR")
    try:
        if named and Path(named).stat().st_uid == os.getuid():
            return dict(environ)
    except OSError:
        pass
    rest = {name: value for name, value in environ.items() if name != "DBUS_SESSION_BUS_ADDRESS"}
    return {**rest, "XDG_RUNTIME_DIR": str(usual)}


def user_name() -> str:
    """Return the name of the user that this process has."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # known to no name service, as in a container with a user of a number only
        return str(os.getuid())


def passwd_home() -> Path:
    """Return the home folder as service managers know it."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path("/")

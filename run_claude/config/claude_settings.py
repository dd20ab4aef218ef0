"""Claude Code's own settings files: which of their variables would divert it from a profile, and what wins over them.

An `env` block in a settings file wins over the process environment. What is passed by `--settings` wins over the user's
and the project's files; only managed settings, which an administrator installs, are above it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from run_claude.config.client_env import DIVERTING, for_settings
from run_claude.config.files import read_text
from run_claude.domain.causes import caused
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Diversion", "claude_folder", "diversions", "session_settings"]

_EXCEPTED = frozenset({"NO_PROXY", "no_proxy"})
_LARGEST = 1 << 20  # bytes of a settings file that is read
_MANAGED = {"darwin": "/Library/Application Support/ClaudeCode", "linux": "/etc/claude-code"}


@dataclass(frozen=True, slots=True)
class Diversion:
    """A settings file whose `env` sets what a profile sets, to another value.

    :param managed: an administrator's, over which nothing wins
    """

    path: Path
    names: tuple[str, ...]
    managed: bool

    def __str__(self) -> str:
        return f"{self.path} sets {', '.join(self.names)}"


def claude_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of Claude Code's user settings."""
    return Path(environ.get("CLAUDE_CONFIG_DIR") or Path(environ.get("HOME") or "/") / ".claude")


def diversions(
    environ: Mapping[str, str], folder: Path, variables: Mapping[str, str], *, managed: Path | None = None
) -> list[Diversion]:
    """Return the settings files that would divert Claude Code, started in a folder, from these variables.

    A file that cannot be read is passed over: Claude Code itself says so.

    :param variables: those of the profile
    :param managed: the folder of managed settings; by default this system's
    """
    found = []
    for path, is_managed in _files(environ, folder, managed or Path(_MANAGED.get(sys.platform, "/etc/claude-code"))):
        block = _env(path)
        wanted = {name: variables.get(name, "") for name in (*DIVERTING, *for_settings(variables))}
        names = [name for name in wanted if name in block and not _fits(name, str(block[name]), wanted[name])]
        if names:
            found.append(Diversion(path, tuple(sorted(names)), is_managed))
    return found


def session_settings(
    environ: Mapping[str, str], folder: Path, variables: Mapping[str, str], given: str = ""
) -> dict[str, Any]:
    """Return the settings for one session: the profile's variables, and what the user passes by `--settings`.

    A variable that a settings file sets and that would divert is set to nothing. What such a file excepts from its HTTP
    proxy stays excepted.

    :param given: the user's own value of `--settings`: a file, or JSON
    :raises UsageError: if that is neither
    """
    settings = _given(given, folder) if given else {}
    ours = for_settings(variables)
    blocks = [_env(path) for path, _ in _files(environ, folder, None)]
    block = settings.get("env")
    blocks.append(block if isinstance(block, dict) else {})
    empty = {name: "" for name in DIVERTING if name not in ours and any(name in block for block in blocks)}
    for name in _EXCEPTED & ours.keys():
        hosts = [host for block in blocks for host in str(block.get(name) or "").split(",")]
        ours[name] = ",".join(dict.fromkeys(filter(None, [*hosts, *ours[name].split(",")])))
    return {**settings, "env": {**blocks[-1], **empty, **ours}}


def _fits(name: str, value: str, wanted: str) -> bool:
    """Whether a value in a settings file does no harm."""
    if name in _EXCEPTED:
        return set(wanted.split(",")) <= set(value.replace(" ", ",").split(","))
    return value == wanted


def _files(environ: Mapping[str, str], folder: Path, managed: Path | None) -> Iterator[tuple[Path, bool]]:
    """Yield the settings files that count in a folder, each with whether it is an administrator's."""
    if managed is not None:
        yield managed / "managed-settings.json", True
        for path in sorted(managed.glob("managed-settings.d/*.json")):
            yield path, True
    yield claude_folder(environ) / "settings.json", False
    roots = [folder, *(parent for parent in folder.parents if (parent / ".git").exists())][:2]
    for root in roots:
        for name in ("settings.json", "settings.local.json"):
            if root / ".claude" != claude_folder(environ):
                yield root / ".claude" / name, False


def _env(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return {}
        block = json.loads(path.read_text("utf-8-sig")).get("env")
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
    return block if isinstance(block, dict) else {}


def _given(given: str, folder: Path) -> dict[str, Any]:
    try:
        text = given if given.lstrip().startswith("{") else read_text(folder / given) or ""
        settings = json.loads(text.removeprefix("\ufeff"))
    except (ConfigError, ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise caused(
            "usage",
            "The value of --settings is neither a file with JSON nor JSON.",
            help="Correct it: run-claude adds the profile's variables to it.",
        )
    return settings

"""The completion in the user's shells: lines as our documentation gives them, and scripts of our own making."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.files import read_bytes, write_atomic
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["completion_files", "remove_completion"]

# The line as `completion --help` and the README give it; one that is written otherwise is the user's own.
_LINE = re.compile(
    rb'[ \t]*(?:eval "\$\(run-claude completion (?:bash|zsh)\)"|run-claude completion fish \| source)'
    rb"[ \t]*(?:#[^\n]*)?\n?"
)
_MARK = b"_RUN_CLAUDE_COMPLETE"  # in every script that `completion` prints


def completion_files(home: Path, environ: Mapping[str, str]) -> list[Path]:
    """Return the files that hold our completion: shells' own files with our line, and scripts that are ours."""
    return [path for path in (*_startup(home, environ), *_scripts(home, environ)) if _kept(path) is not None]


def remove_completion(path: Path) -> None:
    """Take our line out of a shell's file, or remove a script of ours. All else stays as it is, byte for byte.

    :raises ConfigError: if the file cannot be written
    """
    kept = _kept(path)
    if kept is None:
        return
    if kept:
        write_atomic(path, kept, mode=stat.S_IMODE(path.stat().st_mode))
    else:
        path.unlink(missing_ok=True)


def _kept(path: Path) -> bytes | None:
    """Return what of a file is not ours, empty if all of it is; ``None`` if nothing is, or it cannot be read."""
    try:
        data = read_bytes(path) if path.is_file() else None
    except (ConfigError, OSError):
        return None
    if not data:
        return None
    if path.name.startswith(("run-claude", "_run-claude")):
        return b"" if _MARK in data else None
    lines = data.splitlines(keepends=True)
    kept = [line for line in lines if not _LINE.fullmatch(line)]
    return b"".join(kept) if len(kept) < len(lines) else None


def _startup(home: Path, environ: Mapping[str, str]) -> list[Path]:
    zsh = Path(environ.get("ZDOTDIR") or home)
    bash = [home / name for name in (".bashrc", ".bash_profile", ".profile")]
    return [*bash, zsh / ".zshrc", _folder(home, environ, "XDG_CONFIG_HOME", ".config") / "fish/config.fish"]


def _scripts(home: Path, environ: Mapping[str, str]) -> list[Path]:
    data = _folder(home, environ, "XDG_DATA_HOME", ".local/share")
    fish = _folder(home, environ, "XDG_CONFIG_HOME", ".config") / "fish/completions/run-claude.fish"
    return [fish, data / "bash-completion/completions/run-claude", data / "zsh/site-functions/_run-claude"]


def _folder(home: Path, environ: Mapping[str, str], name: str, usual: str) -> Path:
    value = environ.get(name) or ""
    return Path(value) if value.startswith("/") else home / usual

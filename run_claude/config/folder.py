"""Let a folder select a profile, with a block in its direnv file. The rest of that file belongs to the user."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from run_claude.config.files import read_text, write_atomic
from run_claude.config.paths import DEFAULT_INSTANCE
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from pathlib import Path

    from run_claude.config.model import Profile
    from run_claude.config.settings import Settings

__all__ = ["ENVRC", "clear_folder", "folder_instance", "folder_profile", "set_folder"]

ENVRC = ".envrc"

_BEGIN = "# >>> run-claude >>> (written by `run-claude set-folder`)"
_END = "# <<< run-claude <<<"
_PROFILE = "# profile: "
_WATCH = "watch_file "
_INSTANCE = " --instance "


def set_folder(settings: Settings, folder: Path, profile: Profile) -> Path:
    """Make a folder select a profile, instead of any earlier one. Return the direnv file.

    The file does not contain the key: direnv calls `run-claude env` when it loads the file and when `.env` changes.

    :raises ConfigError: if the file cannot be read or written, or the block is damaged
    """
    path = folder / ENVRC
    instance = "" if settings.instance == DEFAULT_INSTANCE else f"{_INSTANCE}{settings.instance}"
    block = [
        _BEGIN,
        f"{_PROFILE}{profile.name}",
        f"{_WATCH}{_quoted(str(settings.paths.env_file))}",
        "if has run-claude; then",
        f'  eval "$(run-claude env {profile.name} --export{instance})"',
        "fi",
        _END,
    ]
    _replace(path, block)
    return path


def clear_folder(folder: Path) -> bool:
    """Remove the block from a folder's direnv file, and the file if it is then empty. Return whether there was a block.

    :raises ConfigError: if the file cannot be read or written, or the block is damaged
    """
    path = folder / ENVRC
    lines = _lines(path)
    if _block(path, lines) is None:
        return False
    _replace(path, [])
    return True


def folder_profile(folder: Path) -> str:
    """Return the profile that a folder selects; empty if it selects none.

    :raises ConfigError: if the file cannot be read, or the block is damaged
    """
    path = folder / ENVRC
    lines = _lines(path)
    if (block := _block(path, lines)) is None:
        return ""
    return next((line[len(_PROFILE) :].strip() for line in lines[block] if line.startswith(_PROFILE)), "")


def folder_instance(settings_file: Path, folder: Path) -> str | None:
    """Return the instance that a folder's block is for; ``None`` if it has no block of this home's.

    :param settings_file: the `.env` of this home, which the block names
    :raises ConfigError: if the file cannot be read, or the block is damaged
    """
    path = folder / ENVRC
    lines = _lines(path)
    if (block := _block(path, lines)) is None or f"{_WATCH}{_quoted(str(settings_file))}\n" not in lines[block]:
        return None
    called = next((line for line in lines[block] if "run-claude env" in line), "")
    return called.rpartition(_INSTANCE)[2].rstrip(')"\n') if _INSTANCE in called else DEFAULT_INSTANCE


def _replace(path: Path, wanted: list[str]) -> None:
    lines = _lines(path)
    block = _block(path, lines)
    ours = [f"{line}\n" for line in wanted]
    if block is not None:
        after = [*lines[: block.start], *ours, *lines[block.stop :]]
    else:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        after = [*lines, *ours]
    if after:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
        write_atomic(path, "".join(after), mode=mode)
    else:
        path.unlink(missing_ok=True)


def _lines(path: Path) -> list[str]:
    text = read_text(path) or ""
    return [f"{line}\n" for line in text.split("\n")[:-1]] + ([rest] if (rest := text.rpartition("\n")[2]) else [])


def _block(path: Path, lines: list[str]) -> slice | None:
    """Return the lines of the block; ``None`` if there is none."""
    begins = [index for index, line in enumerate(lines) if line.startswith(_BEGIN[:20])]
    ends = [index for index, line in enumerate(lines) if line.startswith(_END)]
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or begins[0] > ends[0]:
        line = (begins + ends)[0] + 1
        raise caused(
            "envrc-damaged",
            f"{path}:{line}: run-claude's block is damaged.",
            help=f"Remove its lines (`{_BEGIN[:20]}` to `{_END}`) by hand, then run the command again.",
            facts={"file": str(path), "line": line},
        )
    return slice(begins[0], ends[0] + 1)


def _quoted(value: str) -> str:
    import shlex

    return shlex.quote(value)

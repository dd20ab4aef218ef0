"""Migrate the pre-container layout, which had the Compose project in the state folder and the proxy as a process.

Everything is copied, compared, and only then removed. Each step can be repeated, so that a command continues where an
interrupted one stopped. Whatever conflicts stays in place and is reported. The database needs no migration: its volume
keeps its name.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config import dotenv
from run_claude.config.env_store import keeper, set_values
from run_claude.config.environment import Environment
from run_claude.config.files import ensure_folder, exclusive, read_bytes, read_text, write_atomic
from run_claude.deploy.services import packaged_services
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from run_claude.config.paths import Paths

__all__ = ["left_behind", "migrate"]

_MARKER = ".migrating"  # in the services folder while files are copied into it
_STALE = ("proxy.log", "litellm.log")
_PLACEHOLDER = re.compile(r"^your-|your-key-here", re.IGNORECASE)  # of the old template


def migrate(paths: Paths) -> list[str]:
    """Move the files of the old layout to their new places. Return notes, none if there is nothing to do.

    :raises ConfigError: if a file cannot be read or written; no file was removed that was not copied
    """
    if not left_behind(paths):
        return []
    with exclusive(paths.config):
        try:
            return [
                *_migrate_process(paths),
                *_migrate_values(paths),
                *_migrate_services(paths),
                *_migrate_config(paths),
            ]
        except OSError as error:
            raise caused(
                "migration-failed",
                f"{error.filename} cannot be migrated: {(error.strerror or str(error)).lower()}.",
                help=f"Check its owner and mode: ls -ld {error.filename}. Nothing is lost; the next command continues.",
                facts={"file": str(error.filename)},
            ) from error


def left_behind(paths: Paths) -> list[Path]:
    """Return the files that are still in their old places."""
    return [path for path in _old_places(paths) if _is_there(path)]


def _old_places(paths: Paths) -> Iterator[Path]:
    yield from (paths.state / name for name in ("dep", "proxy.pid", "litellm_config.yaml", ".env", *_STALE))
    yield from (paths.config / ".secrets", paths.services / _MARKER)


# --- the process --------------------------------------------------------------------------------------------------


def _migrate_process(paths: Paths) -> list[str]:
    """Remove the PID file and the logs of the old proxy process, unless it is still running."""
    pid_file = paths.state / "proxy.pid"
    text = (read_bytes(pid_file) or b"").strip()
    if text.isdigit() and _is_litellm(int(text)):
        return [f"The old proxy process is still running, on the port of the new one. Stop it: kill {int(text)}"]
    left = [path for path in (pid_file, *(paths.state / name for name in _STALE)) if _is_there(path)]
    return [note for path in left if (note := _remove(path))]


def _is_litellm(pid: int) -> bool:
    """Whether the process exists and is LiteLLM: the PID may have been reused."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return False  # another user's process, so not ours
    try:
        return b"litellm" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True  # without /proc, better a needless hint than an overlooked proxy


# --- .env ---------------------------------------------------------------------------------------------------------


def _migrate_values(paths: Paths) -> list[str]:
    """Add the values of old files to `.env`. Where `.env` has another value, that one stays."""
    notes: list[str] = []
    for old in (paths.state / ".env", paths.state / "dep" / ".env", paths.config / ".secrets"):
        text = read_text(old)
        if text is None:
            continue
        if old.name == ".env":
            found = {name: value for name, (value, _) in dotenv.values(text, str(old), {}).items()}
        else:
            found = _values_of_yaml(old)
        present = Environment.load({}, paths.env_file).file
        missing = {name: value for name, value in found.items() if name not in present}
        if missing:
            set_values(paths.env_file, missing, always=False)
        others = sorted(name for name, value in found.items() if name in present and present[name][0] != value)
        if others:
            notes.append(f"Kept {old}: {', '.join(others)} differ from {paths.env_file}, whose values are used.")
            continue
        after = Environment.load({}, paths.env_file).file
        if all(after[name][0] == value for name, value in found.items()):
            notes += [f"Moved the values of {old} to {keeper(paths.env_file)}.", *filter(None, [_remove(old)])]
    return notes


def _values_of_yaml(path: Path) -> dict[str, str]:
    """Return the values of the old secrets file, a flat mapping, without the template's placeholders."""
    from run_claude.config.yamlfile import read_document

    document = read_document(path)
    if document is None:
        return {}
    if not isinstance(document.data, dict):
        raise document.error(
            (), "the file must be a mapping.", f"Correct it, or put its values into {path.parent}/.env."
        )
    found = {}
    for name, value in document.data.items():
        if isinstance(value, dict | list) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise document.error((name,), "not a NAME: value pair.", f"Correct it, or remove it from {path}.")
        if value is not None and not _PLACEHOLDER.search(str(value)):
            found[name] = str(value)
    return found


# --- the services folder ------------------------------------------------------------------------------------------


def _migrate_services(paths: Paths) -> list[str]:
    old, new, marker = paths.state / "dep", paths.services, paths.services / _MARKER
    if not _is_there(old):
        marker.unlink(missing_ok=True)
        return []
    if not old.is_dir():
        return [f"{old} is not a folder; it was left unchanged."]
    if new.is_dir() and any(new.iterdir()) and not marker.exists():
        return [f"Both {old} and {new} exist. The second is used, and nothing was changed. Remove the first."]
    ensure_folder(new)
    write_atomic(marker, f"{old}\n")
    release = packaged_services()
    copies = []
    for path in _tree(old):
        name = path.relative_to(old).as_posix()
        ours = name == ".env" or (name in release and (path.is_symlink() or release[name] != read_bytes(path)))
        target = next(place for place in _places(new / name, ours=ours) if not _is_there(place) or _same(path, place))
        _copy(path, target)
        copies.append((path, target))
    set_aside = [str(target) for path, target in copies if target.name != path.name]
    yours = [f"This release has its own versions; yours are kept as {', '.join(set_aside)}."] if set_aside else []
    if failed := _remove_tree(old, copies):
        return [f"Copied {old} to {new}.", *yours, failed]
    marker.unlink()
    return [f"Moved {old} to {new}.", *yours]


def _tree(folder: Path) -> Iterator[Path]:
    """Yield the files and links in a folder, recursively, even if the folder itself is a link."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _tree(path)
        elif path.is_symlink() or path.is_file():
            yield path


def _places(wished: Path, *, ours: bool) -> Iterator[Path]:
    """Yield the possible places of a file: its name, unless this release needs it, then ``NAME.old`` and so on."""
    if not ours:
        yield wished
    yield wished.with_name(f"{wished.name}.old")
    for number in count(2):
        yield wished.with_name(f"{wished.name}.old{number}")


def _copy(path: Path, target: Path) -> None:
    """Copy a file or a link, and compare the copy.

    :raises ConfigError: if it cannot be read or written, or if the copy differs
    """
    if _is_there(target) and _same(path, target):
        return
    ensure_folder(target.parent, mode=0o755)
    if path.is_symlink():
        try:
            target.symlink_to(path.parent.resolve() / path.readlink())
        except OSError as error:
            raise caused(
                "config-invalid",
                f"{target} cannot be written: {error.strerror}.",
                help=f"Check the folder: ls -ld {target.parent}",
            ) from error
    else:
        write_atomic(target, read_bytes(path) or b"", mode=path.stat().st_mode & 0o777 | 0o600)
    if not _same(path, target):
        raise caused("migration-interrupted", f"{path} changed while it was copied to {target}.")


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink():
        return other.is_symlink() and other.readlink() == one.parent.resolve() / one.readlink()
    return other.is_file() and read_bytes(one) == read_bytes(other)


def _remove_tree(old: Path, copies: list[tuple[Path, Path]]) -> str:
    """Remove the copied files, and the folders that are then empty; return a note if that fails.

    If the folder is a link, only the link is removed: its target may be used by others.
    """
    if old.is_symlink():
        return _remove(old)
    for path, target in copies:
        if _same(path, target) and (note := _remove(path)):
            return note
    for folder, _, _ in os.walk(old, topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()
    return f"{old} could not be removed: it is not empty." if old.exists() else ""


# --- the generated config -----------------------------------------------------------------------------------------


def _migrate_config(paths: Paths) -> list[str]:
    """Move the old generated configuration beside the new one, readable only by its owner: it contains keys."""
    old = paths.state / "litellm_config.yaml"
    content = read_bytes(old)
    if content is None:
        return []
    beside = paths.litellm_config.with_name("litellm_config.yaml.old")
    if (there := read_bytes(beside)) is not None and there != content:
        return [f"Kept {old}: {beside} already exists. Remove one of them; both may contain keys."]
    write_atomic(beside, content)
    return [f"Moved {old} to {beside}. Each start generates a new one.", *filter(None, [_remove(old)])]


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _remove(path: Path) -> str:
    """Remove a file or a link; return a note if that fails."""
    try:
        path.unlink()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} could not be removed ({(error.strerror or '').lower()}); remove it yourself."
    return ""

"""A file for as long as a client's session lasts: it contains a key, which no command line may."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from run_claude.config.files import ensure_folder, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from run_claude.config.paths import Paths

__all__ = ["remove_ended", "session_file"]


@contextmanager
def session_file(paths: Paths, content: Mapping[str, Any] | None) -> Iterator[Path | None]:
    """Yield a file (0600) with this content as JSON, and remove it at the end; ``None`` if there is no content.

    What commands that were killed have left is removed, too.

    :raises ConfigError: if it cannot be written
    """
    if content is None:
        yield None
        return
    ensure_folder(paths.sessions)
    _remove_ended(paths)
    path = paths.sessions / f"{os.getpid()}.json"
    write_atomic(path, json.dumps(content, indent=1))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        _remove_folder(paths)


def remove_ended(paths: Paths) -> None:
    """Remove the files of sessions that have ended, and the folder if none is left."""
    _remove_ended(paths)
    _remove_folder(paths)


def _remove_ended(paths: Paths) -> None:
    for left in paths.sessions.glob("*.json"):
        if not _is_alive(left.stem):
            left.unlink(missing_ok=True)


def _remove_folder(paths: Paths) -> None:
    with suppress(OSError):  # another session's file is in it
        paths.sessions.rmdir()


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:  # another user's
        pass
    return True

"""Whose files are ours: after one `sudo run-claude`, root's would block the user's later commands, one at a time."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from run_claude.errors import RunClaudeError

__all__ = ["foreign_files", "keep_owner", "owned_by_others"]


def keep_owner(target: Path | int, folder: Path) -> None:
    """As root in the folder of a user, give what was made there to that user."""
    if os.geteuid() != 0:
        return
    with suppress(OSError):  # a file system without owners
        found = folder.stat()
        if found.st_uid != 0:
            os.chown(target, found.st_uid, found.st_gid)


def foreign_files(folders: Iterable[Path]) -> list[Path]:
    """Return what belongs to other users in our folders. Root may write all.

    What is handed to the containers may be theirs, and a `.env` that can be read is used as it is.
    """
    me = os.geteuid()
    if me == 0:
        return []
    found = []
    for top in folders:
        for folder, inside, names in os.walk(top):
            for path in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118 (thousands of them)
                with suppress(OSError):
                    theirs = os.lstat(path).st_uid != me
                    if theirs and not (os.path.basename(path) == ".env" and os.access(path, os.R_OK)):  # noqa: PTH119
                        found.append(top.__class__(path))
            inside[:] = [name for name in inside if name != "secrets"]
    return found


def owned_by_others(folders: Iterable[Path]) -> RunClaudeError | None:
    """Return the error that names all files of other users, with the one command that ends it; ``None`` if none is."""
    import shlex

    tops = list(folders)
    if not (found := foreign_files(tops)):
        return None
    some = ", ".join(map(str, found[:3])) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    where = " ".join(shlex.quote(str(top)) for top in tops if any(path.is_relative_to(top) for path in found))
    return caused(
        "files-foreign",
        f"{len(found)} of run-claude's files belong to another user: {some}.",
        help=f"After a `sudo run-claude`, run: sudo chown -R {os.geteuid()}:{os.getegid()} {where}",
        facts={"files": [str(path) for path in found]},
    )

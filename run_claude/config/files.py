"""Reading and writing the user's files: whole or not at all, and with a named cause when it fails."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import contextmanager, suppress
from glob import escape
from typing import TYPE_CHECKING

from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ensure_folder", "exclusive", "mend_mode", "read_bytes", "read_text", "write_atomic", "write_if_changed"]


def read_bytes(path: Path) -> bytes | None:
    """Return a file's content, or ``None`` if there is no such file.

    :raises ConfigError: if it is there and cannot be read
    """
    with _explained(f"{path} cannot be read", f"Check what it is and whose: ls -ld {path}", "file-unreadable", path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def read_text(path: Path) -> str | None:
    """Return a file's text, or ``None`` if there is no such file.

    :raises ConfigError: if it is there and cannot be read, or is not UTF-8
    """
    data = read_bytes(path)
    if data is None:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: not UTF-8 text (byte 0x{data[error.start]:02x}).",
            help="Save the file as UTF-8.",
            code="file-encoding",
            facts={"file": str(path), "line": line},
        ) from error


def write_atomic(path: Path, data: str | bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Write a file so that at any time, also after a power cut, the old or the new content is there.

    A symlink stays one: what it points to is replaced.

    :param owner: uid and gid, for those who may give files away
    :raises ConfigError: if it cannot be written; the old file is untouched then
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    target = path.resolve() if path.is_symlink() else path
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    help = f"Check the folder's owner and mode, and the space left: ls -ld {path.parent}; df -h {path.parent}"
    with _explained(f"{path} cannot be written", help, "file-unwritable", path):
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_left(target)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                if owner is not None:
                    os.fchown(descriptor, *owner)
                os.fchmod(descriptor, mode)  # after chown, and whatever the umask is
                os.fsync(descriptor)
            temporary.rename(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(target.parent)


def write_if_changed(path: Path, data: str | bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None) -> bool:
    """Write a file unless it has this very content, mode and owner; return whether it was written.

    :raises ConfigError: if it cannot be read or written
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    if read_bytes(path) == content:
        found = path.stat()
        if stat.S_IMODE(found.st_mode) == mode and owner in (None, (found.st_uid, found.st_gid)):
            return False
    write_atomic(path, content, mode=mode, owner=owner)
    return True


def ensure_folder(path: Path, *, mode: int = 0o700) -> None:
    """Create a folder and what is above it, if it is not there. The mode of one that is there is left alone.

    :raises ConfigError: if it cannot be created, or something else is in its place
    """
    help = "Make room for it, or set RUN_CLAUDE_HOME (configuration) or RUN_CLAUDE_STATE (state) elsewhere."
    with _explained(f"The folder {path} cannot be created", help, "folder-unusable", path):
        path.mkdir(mode=mode, parents=True, exist_ok=True)


def mend_mode(path: Path, mode: int) -> str:
    """Take from a file what its mode allows beyond ``mode``; return a note, empty if there was nothing to do.

    :raises ConfigError: if the mode has to be changed and cannot be
    """
    what = f"{path} is open to other users, and its mode cannot be changed"
    with _explained(what, f"As its owner, run: chmod {mode:o} {path}", "file-mode", path):
        try:
            found = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            return ""
        if not found & ~mode:
            return ""
        path.chmod(mode)
    return f"{path} was open to other users (mode {found:04o}); it is {mode:04o} now."


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder for the time of the block, against other run-claude commands that change files in it.

    Short waits only: the holder writes a few small files. The kernel releases the lock with the process.

    :raises ConfigError: if the folder cannot be created or opened
    """
    ensure_folder(folder)
    help = f"Check its owner and mode: ls -ld {folder}"
    with _explained(f"The folder {folder} cannot be opened", help, "folder-unusable", folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_left(target: Path) -> None:
    """Remove what writers of this file have left that were killed."""
    for left in target.parent.glob(f".{escape(target.name)}.*.????????.tmp"):
        writer = left.name.removeprefix(f".{target.name}.").split(".")[0]
        if not writer.isdecimal():
            continue  # not of ours
        try:
            os.kill(int(writer), 0)
        except (ProcessLookupError, OverflowError):
            with suppress(OSError):
                left.unlink()
        except OSError:
            continue  # it lives, and is somebody else's


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Some network file systems cannot; the rename itself is done all the same."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _explained(what: str, help: str, code: str, path: Path) -> Iterator[None]:
    """Turn an error of the system into ours."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"{what}: {reason}.", help=help, code=code, facts={"file": str(path)}) from error

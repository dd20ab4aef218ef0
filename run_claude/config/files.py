"""Read and write the user's files: completely or not at all, with a cause when it fails."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from run_claude.config.flocks import flock
from run_claude.config.ownership import keep_owner
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "ensure_folder",
    "exclusive",
    "is_written",
    "left_over",
    "mend_mode",
    "read_bytes",
    "read_text",
    "refuse_existing",
    "remove_left",
    "write_atomic",
    "write_if_changed",
    "write_new",
]


_TEMPORARY = re.compile(r"\..+\.([0-9]{1,18})\.[0-9a-f]{8}\.tmp")


def read_bytes(path: Path) -> bytes | None:
    """Return a file's content, or ``None`` if it does not exist. A named pipe is read once, see :mod:`.pipes`.

    :raises ConfigError: if it exists but cannot be read
    """
    with _explained(
        f"{path} cannot be read", f"Check its type, owner and mode: ls -ld {path}", "file-unreadable", path
    ):
        try:
            if path.is_fifo():
                from run_claude.config.pipes import read_pipe

                return read_pipe(path)
            return _regular(path)
        except FileNotFoundError:
            return None


def _regular(path: Path) -> bytes:
    """Return a file's content. A device or a socket is refused: one may give bytes without end, or none for ever.

    :raises OSError: if it is none, or cannot be read
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(found.st_mode) and not path.samefile(os.devnull):
            raise OSError(errno.EINVAL, "not a regular file")
        return file.read()


def read_text(path: Path) -> str | None:
    """Return a file's text, or ``None`` if it does not exist.

    :raises ConfigError: if it exists but cannot be read, or is not UTF-8
    """
    data = read_bytes(path)
    if data is None:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise caused(
            "file-encoding",
            f"{path}:{line}: not UTF-8 text (byte 0x{data[error.start]:02x}).",
            help="Save the file as UTF-8.",
            facts={"file": str(path), "line": line},
        ) from error


def write_atomic(path: Path, data: str | bytes, *, mode: int = 0o600) -> None:
    """Replace a file atomically: at any time, even after a power cut, it has the old or the new content.

    A symlink is followed: its target is replaced.

    :raises ConfigError: if it cannot be written; the old file is then unchanged
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    target = path.resolve() if path.is_symlink() else path
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    help = f"Check the folder's owner and mode, and the free space: ls -ld {path.parent}; df -h {path.parent}"
    with _explained(f"{path} cannot be written", help, "file-unwritable", path):
        _make_folder(target.parent, 0o700)
        remove_left(target)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                keep_owner(descriptor, target.parent)
                os.fchmod(descriptor, mode)  # after chown, and regardless of the umask
                os.fsync(descriptor)
            temporary.rename(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(target.parent)


def refuse_existing(path: Path) -> None:
    """Refuse a name that is taken, where the user asks for a new file.

    :raises ConfigError: if something has that name, even a broken link
    """
    if os.path.lexists(path):
        raise caused("file-exists", f"{path} already exists.", facts={"file": str(path)})


def write_new(path: Path, data: str | bytes) -> None:
    """Write a new file (0600) where the user has asked for one: nothing is replaced, and no link is followed.

    :raises ConfigError: if something has that name, even a broken link, or it cannot be written
    """
    content = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    help = f"Check the folder's owner and mode, and the free space: ls -ld {path.parent}; df -h {path.parent}"
    with _explained(f"{path} cannot be written", help, "file-unwritable", path):
        _make_folder(path.parent, 0o700)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            raise caused("file-exists", f"{path} already exists.", facts={"file": str(path)}) from None
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                keep_owner(descriptor, path.parent)
                os.fsync(descriptor)
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise


def write_if_changed(path: Path, data: str | bytes, *, mode: int = 0o600) -> bool:
    """Write a file unless it already has this content and mode; return whether it was written.

    :raises ConfigError: if it cannot be read or written
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    if is_written(path, content, mode=mode):
        return False
    write_atomic(path, content, mode=mode)
    return True


def is_written(path: Path, content: bytes, *, mode: int = 0o600) -> bool:
    """Whether a file has this very content and mode.

    :raises ConfigError: if it is there and cannot be read
    """
    if read_bytes(path) != content:
        return False
    return stat.S_IMODE(path.stat().st_mode) == mode


def ensure_folder(path: Path, *, mode: int = 0o700) -> None:
    """Create a folder and its parents if they are missing. The mode of an existing folder stays.

    :raises ConfigError: if it cannot be created, or if there is a file in its place
    """
    help = "Check what is there, or set RUN_CLAUDE_HOME (configuration) or RUN_CLAUDE_STATE (state) to another folder."
    with _explained(f"The folder {path} cannot be created", help, "folder-unusable", path):
        _make_folder(path, mode)


def _make_folder(path: Path, mode: int) -> None:
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    for folder in reversed(missing):
        keep_owner(folder, folder.parent)


def mend_mode(path: Path, mode: int) -> str:
    """Remove permissions beyond ``mode`` from a file; return a note, empty if there was nothing to do.

    :raises ConfigError: if the mode cannot be changed
    """
    what = f"{path} is accessible to other users, and its mode cannot be changed"
    with _explained(what, f"As its owner, run: chmod {mode:o} {path}", "file-mode", path):
        try:
            found = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            return ""
        if not found & ~mode:
            return ""
        path.chmod(mode)
    return f"{path} was accessible to other users (mode {found:04o}); its mode is now {mode:04o}."


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock a folder during the block, against other run-claude commands that change files in it.

    Waits are short: the holder writes a few small files. The kernel releases the lock when the process ends.

    :raises ConfigError: if the folder cannot be created or opened
    """
    ensure_folder(folder)
    help = f"Check its owner and mode: ls -ld {folder}"
    with _explained(f"The folder {folder} cannot be opened", help, "folder-unusable", folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with _explained(f"The folder {folder} cannot be locked", help, "folder-unusable", folder):
        descriptor, _ = flock(descriptor, folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def remove_left(target: Path) -> None:
    """Remove the temporary files of writers of a file that were killed."""
    for path in left_over(target.parent):
        if path.name.startswith(f".{target.name}."):
            with suppress(OSError):
                path.unlink()


def left_over(folder: Path) -> list[Path]:
    """Return the temporary files in a folder whose writers were killed: they may hold secrets."""
    try:
        paths = list(folder.iterdir())
    except OSError:
        return []
    return [path for path in paths if (found := _TEMPORARY.fullmatch(path.name)) and _is_gone(int(found[1]))]


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False  # it exists, and belongs to another user
    return False


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the file system can: some network file systems cannot."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _explained(what: str, help: str, code: str, path: Path) -> Iterator[None]:
    """Translate an operating system error into a cause."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise caused(code, f"{what}: {reason}.", help=help, facts={"file": str(path)}) from error

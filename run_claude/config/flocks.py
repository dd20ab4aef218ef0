"""Lock a file or a folder with ``flock``, also where its file system cannot: NFS without a lock daemon, some FUSE."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

__all__ = ["flock"]

_CANNOT = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EBADF, errno.EINVAL})


def flock(descriptor: int, path: Path, how: int) -> tuple[int, bool]:
    """Lock a descriptor, or one of a file that stands for it on this machine; return it, and whether it is locked.

    The given one is closed if it is not returned. What the other file locks holds on this machine alone; that is what
    an instance is on as well, with its engine.

    :param path: what the descriptor is of
    :param how: as for ``fcntl.flock``
    :raises OSError: if there is no place for the other file either
    """
    try:
        return descriptor, _locked(descriptor, how)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    os.close(descriptor)
    descriptor = _stand_in(path)
    return descriptor, _locked(descriptor, how)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        return False
    return True


def _stand_in(path: Path) -> int:
    """Open a file of this user's, on this machine, that stands for a path."""
    import hashlib

    folder = _folder()
    name = hashlib.sha256(os.path.realpath(path).encode(errors="surrogateescape")).hexdigest()[:32]
    return os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _folder() -> Path:
    folder = Path("/tmp") / f"run-claude-{os.geteuid()}"  # noqa: S108 (checked below)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise OSError(errno.EPERM, f"{folder} is another user's")
    return folder

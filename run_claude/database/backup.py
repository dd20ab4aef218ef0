"""Back up: dump each database into a file that gets its name only when it is complete."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO, TYPE_CHECKING

import anyio

from run_claude.config.files import ensure_folder, left_over
from run_claude.config.ownership import keep_owner
from run_claude.database.archive import Manifest, Writer
from run_claude.database.around import around_sql, roles_sql
from run_claude.database.progress import Megabytes
from run_claude.database.queries import count_sql, parse_counts
from run_claude.database.verify import verify_file
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from run_claude.database.queries import Content
    from run_claude.database.server import Server
    from run_claude.domain.progress import Reporter

__all__ = ["unused", "write_backup"]

# What a file system says that has no hard links: exFAT, vfat, SMB, FUSE.
_NO_LINKS = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL, errno.EXDEV}
)


def unused(folder: Path, name: str) -> Path:
    """Return a file name for a backup that nothing has: two may begin within a second."""
    paths = [folder / f"{name}{suffix}.tar" for suffix in ("", *(f"-{number}" for number in range(2, 99)))]
    return next((path for path in paths if not os.path.lexists(path)), paths[0])


async def write_backup(
    server: Server, content: Content, path: Path, *, instance: str, salt: str, reporter: Reporter
) -> Manifest:
    """Write all databases that are worth keeping to a new file (0600), and read it again.

    :param salt: fingerprint of the key that LiteLLM encrypts with
    :raises ConfigError: if the folder cannot be used
    :raises DataError: if a database cannot be dumped, or the file cannot be written
    """
    import json

    ensure_folder(path.parent)
    with _complete(path) as file:
        writer = Writer(file)
        for database in content.worth_keeping():
            reporter.step(f"Backing up {database}")
            await _dump(server, writer, database, Megabytes(reporter))
        roles = [json.loads(line) for line in await server.ask("postgres", roles_sql(), code="backup-failed")]
        manifest = writer.finish(instance=instance, server=content.version, salt=salt, roles=roles)
    written = await anyio.to_thread.run_sync(verify_file, path)
    if stat.S_IMODE(os.stat(path).st_mode) & 0o077:  # noqa: PTH116 (one system call)
        reporter.note(f"Other users can read {path}: its file system keeps no modes.")
    return replace(manifest, path=str(path), bytes=written.bytes)


async def _dump(server: Server, writer: Writer, database: str, progress: Megabytes) -> None:
    """Dump a database and describe it in the same snapshot, so that a restore can be compared with it."""
    with writer.part(database) as part:

        def sink(chunk: bytes) -> None:
            part.write(chunk)
            progress.add(len(chunk))

        async with server.snapshot(database, count_sql() + around_sql()) as (snapshot, rows):
            part.timescaledb, part.tables, part.around = parse_counts(rows)
            await server.dump(database, snapshot, sink)


@contextmanager
def _complete(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that gets its name when the block ends well. Otherwise nothing is left of it.

    What backups have left that were killed in this folder is removed, too.

    :raises DataError: if the file cannot be written, for example because the disk is full
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        for left in left_over(path.parent):
            left.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                _sync(descriptor)
                keep_owner(descriptor, path.parent)
            if not _linked(temporary, path):
                _rename(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        with suppress(OSError):  # some network file systems cannot sync a folder
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            _sync(folder)
            os.close(folder)
    except OSError as error:
        taken = isinstance(error, FileExistsError)
        raise caused(
            "file-exists" if taken else "backup-failed",
            f"{path} already exists."
            if taken
            else f"{path} cannot be written: {(error.strerror or str(error)).lower()}.",
            help=f"Check the folder and its free space: df -h {path.parent}",
            facts={"file": str(path)},
        ) from error


def _linked(temporary: Path, path: Path) -> bool:
    """Give a complete file its name, if the file system has links: unlike a rename, a link replaces nothing."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


def _rename(temporary: Path, path: Path) -> None:
    """Give a complete file its name without a link: the name is taken first, by an empty file of our own."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        temporary.rename(path)
    except BaseException:
        path.unlink()
        raise


def _sync(descriptor: int) -> None:
    """Write a file to disk, where the file system can say that it has done so."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise

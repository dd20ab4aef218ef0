"""Back up: dump each database into a file that gets its name only when it is complete."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from run_claude.config.files import ensure_folder
from run_claude.database.archive import Manifest, Writer
from run_claude.database.progress import Megabytes
from run_claude.database.queries import count_sql, parse_counts
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from run_claude.database.queries import Content
    from run_claude.database.server import Server
    from run_claude.domain.progress import Reporter

__all__ = ["refuse_existing", "write_backup"]


def refuse_existing(path: Path) -> None:
    """Refuse a name that is taken: a backup never replaces a file.

    :raises ConfigError: if something has that name, even a broken link
    """
    if os.path.lexists(path):
        raise caused("file-exists", f"{path} already exists.")


async def write_backup(server: Server, content: Content, path: Path, *, instance: str, reporter: Reporter) -> Manifest:
    """Write all databases that are worth keeping to a new file (0600).

    :raises ConfigError: if the folder cannot be used
    :raises DataError: if a database cannot be dumped, or the file cannot be written
    """
    ensure_folder(path.parent)
    with _complete(path) as file:
        writer = Writer(file)
        for database in content.worth_keeping():
            reporter.step(f"Backing up {database}")
            await _dump(server, writer, database, Megabytes(reporter))
        manifest = writer.finish(instance=instance, server=content.version)
    return replace(manifest, path=str(path), bytes=os.stat(path).st_size)  # noqa: PTH116 (one system call)


async def _dump(server: Server, writer: Writer, database: str, progress: Megabytes) -> None:
    """Dump a database and count its rows in the same snapshot, so that a restore can be compared with it."""
    with writer.part(database) as part:

        def sink(chunk: bytes) -> None:
            part.write(chunk)
            progress.add(len(chunk))

        async with server.snapshot(database, count_sql()) as (snapshot, rows):
            part.timescaledb, part.tables = parse_counts(rows)
            await server.dump(database, snapshot, sink)


@contextmanager
def _complete(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that gets its name when the block ends well. Otherwise nothing is left of it.

    :raises DataError: if the file cannot be written, for example because the disk is full
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
            os.link(temporary, path)  # unlike a rename, it does not replace a file that has appeared meanwhile
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(OSError):  # some network file systems cannot sync a folder
            os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise caused(
            "backup-failed",
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}.",
            help=f"Check the folder and its free space: df -h {path.parent}",
            facts={"file": str(path)},
        ) from error

"""A backup's file: complete or not there, on any file system; and whatever else is given to a restore is refused."""

from __future__ import annotations

import errno
import io
import json
import os
import tarfile
import threading
from typing import TYPE_CHECKING, Any

import pytest

from run_claude.database import backup
from run_claude.database.archive import MANIFEST, Part, Writer, read_part
from run_claude.database.verify import verify_file
from run_claude.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["litellm", "my.db", "2024data", "größe", "../up", "a=b'\"\n", "n" * 63]


def write(path: Path, names: list[str] = NAMES) -> None:
    with backup._complete(path) as file:
        writer = Writer(file)
        for name in names:
            with writer.part(name) as part:
                part.write(f"dump of {name}".encode())
                part.tables = {"public.t": 1}
                part.around = {"owner": "postgres"}
        writer.finish(instance="test", server="17.2", salt="0123", roles=[{"role": "alice"}])


def with_manifest(path: Path, change: dict[str, Any] | bytes) -> None:
    """Give a backup another manifest."""
    with tarfile.open(path) as tar:
        kept = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    row = json.loads(kept[MANIFEST])
    kept[MANIFEST] = change if isinstance(change, bytes) else json.dumps(row | change).encode()
    with tarfile.open(path, "w") as tar:
        for name, content in kept.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def test_a_database_of_any_name_is_found_again_and_no_member_is_a_path(tmp_path: Path) -> None:
    write(tmp_path / "b.tar")
    manifest = verify_file(tmp_path / "b.tar")
    assert [part.database for part in manifest.parts] == NAMES
    assert [b"".join(read_part(tmp_path / "b.tar", part)) for part in manifest.parts] == [
        f"dump of {name}".encode() for name in NAMES
    ]
    assert (manifest.salt, manifest.roles, manifest.parts[0].around) == (
        "0123",
        ({"role": "alice"},),
        {"owner": "postgres"},
    )
    with tarfile.open(tmp_path / "b.tar") as tar:
        assert not [name for name in tar.getnames() if "/" in name or "\n" in name]


def test_a_file_system_without_links_takes_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    write(tmp_path / "b.tar")
    assert verify_file(tmp_path / "b.tar").parts
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["b.tar"]
    with pytest.raises(ConfigError):
        write(tmp_path / "b.tar", ["other"])
    assert [part.database for part in verify_file(tmp_path / "b.tar").parts] == NAMES


def test_a_full_disk_leaves_nothing_of_a_backup_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="no space left on device") as failed:
        write(tmp_path / "b.tar")
    assert failed.value.code == "backup-failed"
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_what_a_killed_backup_has_left_goes_with_the_next(tmp_path: Path) -> None:
    left = tmp_path / ".b.tar.999999999.01234567.tmp"
    left.write_bytes(b"rows")
    write(tmp_path / "b.tar")
    assert not left.exists()


@pytest.mark.timeout(20)
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="not a regular file"):
        verify_file(tmp_path / "pipe")


@pytest.mark.parametrize(
    "manifest",
    [
        b"[" * 200_000,
        b'{"a":' * 100_000,
        {"format": "run-claude backup 9"},
        {"format": 1},
        {"created": 1e300},
        {"created": -1},
        {"parts": []},
        {"parts": 7},
        {"parts": ["x"]},
        {"roles": {"a": 1}},
        {"instance": None},
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_crafted_manifest_is_no_backup(tmp_path: Path, manifest: dict[str, Any] | bytes) -> None:
    write(tmp_path / "b.tar")
    with_manifest(tmp_path / "b.tar", manifest)
    with pytest.raises(DataError) as refused:
        verify_file(tmp_path / "b.tar")
    assert refused.value.code == "backup-invalid"


@pytest.mark.parametrize(
    "part",
    [
        {"database": "x" * 64},
        {"database": "a\0b"},
        {"database": ""},
        {"timescaledb": "2'; DROP"},
        {"tables": {"t": "1"}},
        {"around": "text"},
    ],
    ids=str,
)
def test_a_crafted_part_is_no_backup(tmp_path: Path, part: dict[str, Any]) -> None:
    write(tmp_path / "b.tar", ["litellm"])
    with tarfile.open(tmp_path / "b.tar") as tar:
        row = json.loads(tar.extractfile(MANIFEST).read())  # type: ignore[union-attr]
    with_manifest(tmp_path / "b.tar", {"parts": [row["parts"][0] | part]})
    with pytest.raises(DataError) as refused:
        verify_file(tmp_path / "b.tar")
    assert refused.value.code == "backup-invalid"


def test_a_backup_of_the_format_of_before_is_read(tmp_path: Path) -> None:
    write(tmp_path / "b.tar", ["litellm"])
    with tarfile.open(tmp_path / "b.tar") as tar:
        row = json.loads(tar.extractfile(MANIFEST).read())  # type: ignore[union-attr]
    del row["salt"], row["roles"], row["parts"][0]["around"]
    with_manifest(tmp_path / "b.tar", json.dumps(row | {"format": "run-claude backup 1"}).encode())
    manifest = verify_file(tmp_path / "b.tar")
    assert (manifest.salt, manifest.roles, manifest.parts[0].around) == ("", (), {})


def test_a_file_that_changes_after_it_was_verified_is_not_restored(tmp_path: Path) -> None:
    write(tmp_path / "b.tar", ["litellm"])
    [part] = verify_file(tmp_path / "b.tar").parts
    content = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(content.replace(b"dump of litellm", b"dump of another"))
    with pytest.raises(ValueError, match="has changed"):
        list(read_part(tmp_path / "b.tar", part))


def test_a_link_in_the_tar_is_no_part(tmp_path: Path) -> None:
    write(tmp_path / "b.tar", ["litellm"])
    with tarfile.open(tmp_path / "b.tar") as tar:
        manifest = tar.extractfile(MANIFEST).read()  # type: ignore[union-attr]
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        link, info = tarfile.TarInfo("litellm.dump"), tarfile.TarInfo(MANIFEST)
        link.type, link.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", len(manifest)
        tar.addfile(link)
        tar.addfile(info, io.BytesIO(manifest))
    with pytest.raises(DataError):
        verify_file(tmp_path / "b.tar")


def test_two_backups_of_one_name_at_a_time_leave_one_whole_file(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def one() -> None:
        try:
            write(tmp_path / "b.tar")
        except ConfigError as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 3
    assert verify_file(tmp_path / "b.tar").parts


def test_a_part_knows_its_rows() -> None:
    assert Part(database="x", bytes=0, sha256="", timescaledb="", tables={"a": 1, "b": 2}).rows == 3

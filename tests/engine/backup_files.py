"""Backups as nobody but a test writes them: with another manifest, or with SQL of somebody's in a dump."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["PLACE", "plant", "rewrite_manifest"]

# A function whose definition in a dump can give its place to any SQL of up to that length.
PLACE = f"CREATE FUNCTION public.place() RETURNS text LANGUAGE sql AS $$ SELECT '{'x' * 4000}' $$;"


def rewrite_manifest(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Write the file anew with another manifest."""
    _rewrite(file, lambda row, parts: change(row))


def plant(file: Path, database: str, sql: str) -> None:
    """Put SQL into the dump of a database with PLACE in it, where `pg_restore` runs it; all checksums are right."""

    def change(row: dict[str, Any], parts: dict[str, bytes]) -> None:
        name = f"{database}.dump"
        begin = parts[name].index(b"CREATE FUNCTION public.place()")
        end = parts[name].index(b"$$;", begin) + 3
        planted = sql.encode().ljust(end - begin)
        assert len(planted) == end - begin
        parts[name] = parts[name][:begin] + planted + parts[name][end:]
        for part in row["parts"]:
            if part["database"] == database:
                part["sha256"] = hashlib.sha256(parts[name]).hexdigest()

    _rewrite(file, change)


def _rewrite(file: Path, change: Callable[[dict[str, Any], dict[str, bytes]], object]) -> None:
    with tarfile.open(file) as tar:
        parts = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]
    manifest = json.loads(parts.pop("manifest.json"))
    change(manifest, parts)
    parts["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(file, "w") as tar:
        for name, data in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))

"""The services folder: the Compose project and build context, copied from the package, the user's changes kept."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.files import ensure_folder, exclusive, read_bytes, write_atomic
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from run_claude.config.paths import Paths

__all__ = ["MANIFEST", "changed_services", "install_services", "packaged_services"]

MANIFEST = ".manifest.json"  # what was installed: file name to hash

_PACKAGE = Path(__file__).parent.parent
_IGNORED = frozenset({"__pycache__", "bases"})  # bases/ serves scripts/bases, in a checkout only


def packaged_services() -> dict[str, bytes]:
    """Return the files of the services folder as this release has them, by relative name.

    In a wheel they are in the package; in a checkout ``dep/`` and ``callbacks/`` lie beside it.

    :raises ConfigError: if they are not there: the installation is broken
    """
    wheel, checkout = _PACKAGE / "_services", _PACKAGE.parent
    if wheel.is_dir():
        found = dict(_files(wheel, wheel))
    else:
        found = dict(_files(checkout / "dep", checkout / "dep")) | dict(_files(checkout / "callbacks", checkout))
    if "docker-compose.yaml" not in found:
        raise ConfigError(
            "The compose file of run-claude is missing from its installation.",
            help="Install it again: pip install --force-reinstall run-claude",
            code="installation-broken",
        )
    return found


def install_services(paths: Paths, *, force: bool = False) -> list[str]:
    """Bring the services folder to this release and return notes. Does nothing where nothing changed.

    A file that the user has changed stays; if this release changes it as well, the new one is put beside it as
    ``NAME.new``. Interrupted half-way, the next call goes on.

    :param force: replace changed files as well, the user's kept as ``NAME.old``
    :raises ConfigError: if a file cannot be read or written
    """
    packaged = packaged_services()
    folder, record = paths.services, paths.services / MANIFEST
    installed = _manifest(record)
    current = {name: _hash(data) for name, data in packaged.items()}
    if installed == current and not force and all(_same(folder / name, data) for name, data in packaged.items()):
        return []
    with exclusive(folder):
        return _install(paths, packaged, current, _manifest(record), force=force)


def changed_services(paths: Paths) -> list[str]:
    """Return the files in the services folder that the user has changed, by name.

    :raises ConfigError: if a file cannot be read
    """
    installed = _manifest(paths.services / MANIFEST)
    found = {name: read_bytes(paths.services / name) for name in packaged_services()}
    return [name for name, data in found.items() if data is not None and _hash(data) != installed.get(name)]


def _install(
    paths: Paths, packaged: dict[str, bytes], current: dict[str, str], installed: dict[str, str], *, force: bool
) -> list[str]:
    notes: list[str] = []
    for name, data in packaged.items():
        path = paths.services / name
        mode = 0o755 if data.startswith(b"#!") else 0o644  # read in the containers, by other users
        theirs = read_bytes(path)
        if theirs == data:
            continue
        if theirs is None or _hash(theirs) == installed.get(name):
            _write(path, data, mode)
        elif force:
            write_atomic(_beside(path, ".old"), theirs, mode=mode)
            _write(path, data, mode)
            notes.append(f"Replaced {path}; your version is {path.name}.old.")
        elif installed.get(name) != current[name]:
            write_atomic(_beside(path, ".new"), data, mode=mode)
            notes.append(f"Kept your changes of {path}; the new version is {path.name}.new beside it.")
    for name in installed.keys() - current.keys():
        # Gone from this release; the manifest is a file like any other, so a name in it may lead anywhere.
        path = paths.services / name
        inside = path.resolve().is_relative_to(paths.services.resolve())
        if inside and (data_left := read_bytes(path)) is not None and _hash(data_left) == installed[name]:
            path.unlink()
            with suppress(OSError):
                path.parent.rmdir()  # only if it is empty
    write_atomic(paths.services / MANIFEST, json.dumps(current, indent=1, sort_keys=True) + "\n", mode=0o644)
    return notes


def _write(path: Path, data: bytes, mode: int) -> None:
    ensure_folder(path.parent, mode=0o755)
    write_atomic(path, data, mode=mode)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _same(path: Path, data: bytes) -> bool:
    return read_bytes(path) == data


def _files(folder: Path, base: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(base)
        if path.is_file() and not _IGNORED.intersection(relative.parts) and path.suffix != ".pyc":
            yield relative.as_posix(), path.read_bytes()


def _manifest(path: Path) -> dict[str, str]:
    """Return what was installed. A broken manifest is an empty one: then every file that differs counts as changed."""
    try:
        found = json.loads(read_bytes(path) or b"{}")
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, AttributeError):
        return {}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

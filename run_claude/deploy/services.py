"""Install the services folder, the Compose project and build context, and keep the user's changes."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.files import ensure_folder, exclusive, read_bytes, write_atomic
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from run_claude.config.paths import Paths

__all__ = [
    "MANIFEST",
    "callbacks_folder",
    "changed_services",
    "coming_services",
    "install_services",
    "packaged_services",
    "remove_services",
    "services_installed",
]

MANIFEST = ".manifest.json"  # the installed files: name to hash

_PACKAGE = Path(__file__).parent.parent
_IGNORED = frozenset({"__pycache__", "bases"})  # bases/ is for scripts/bases, in a checkout


def callbacks_folder() -> Path:
    """Return the folder of this release's callbacks."""
    wheel = _PACKAGE / "_services" / "callbacks"
    return wheel if wheel.is_dir() else _PACKAGE.parent / "callbacks"


def packaged_services() -> dict[str, bytes]:
    """Return this release's files for the services folder, by relative name.

    A wheel has them in the package; a checkout has them beside it, in ``dep/`` and ``callbacks/``.

    :raises ConfigError: if they are missing, because the installation is broken
    """
    wheel, checkout = _PACKAGE / "_services", _PACKAGE.parent
    if wheel.is_dir():
        found = dict(_files(wheel, wheel))
    else:
        found = dict(_files(checkout / "dep", checkout / "dep")) | dict(_files(checkout / "callbacks", checkout))
    if "docker-compose.yaml" not in found:
        raise caused("installation-broken", "run-claude's compose file is missing from its installation.")
    return found


def install_services(paths: Paths, *, force: bool = False) -> list[str]:
    """Update the services folder to this release and return notes. Does nothing if it is up to date.

    A file that the user has changed stays. If this release changed it as well, the new version is written beside it as
    ``NAME.new``. If this is interrupted, the next call continues.

    :param force: also replace changed files, and keep the user's as ``NAME.old``
    :raises ConfigError: if a file cannot be read or written
    """
    packaged = packaged_services()
    current = {name: _hash(data) for name, data in packaged.items()}
    if not force and _is_installed(paths, packaged, current):
        return []
    with exclusive(paths.services):
        return _install(paths, packaged, current, _manifest(paths.services / MANIFEST), force=force)


def remove_services(folder: Path) -> list[str]:
    """Remove what the user has not changed of ours, and folders that are empty then. Return what stays."""
    installed = _manifest(folder / MANIFEST)
    for name, known in installed.items():
        path = folder / name
        inside = path.resolve().is_relative_to(folder.resolve())  # anyone can edit the manifest
        if inside and not path.is_symlink() and (data := read_bytes(path)) is not None and _hash(data) == known:
            path.unlink()
        _beside(path, ".new").unlink(missing_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if inner.name == "__pycache__":
            shutil.rmtree(inner, ignore_errors=True)
        with suppress(OSError):
            inner.rmdir()
    stays = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    with suppress(OSError):
        folder.rmdir()
    return stays


def services_installed(paths: Paths) -> bool:
    """Whether the services folder is of this release: :func:`install_services` would find nothing to do.

    :raises ConfigError: if a file cannot be read
    """
    packaged = packaged_services()
    return _is_installed(paths, packaged, {name: _hash(data) for name, data in packaged.items()})


def _is_installed(paths: Paths, packaged: dict[str, bytes], current: dict[str, str]) -> bool:
    """Whether each file is there; one that the user has changed counts, once this release has been installed."""
    folder = paths.services
    return _manifest(folder / MANIFEST) == current and all((folder / name).is_file() for name in packaged)


def changed_services(paths: Paths) -> list[str]:
    """Return the names of the files in the services folder that the user has changed.

    :raises ConfigError: if a file cannot be read
    """
    installed = _manifest(paths.services / MANIFEST)
    found = {name: read_bytes(paths.services / name) for name in packaged_services()}
    return [name for name, data in found.items() if data is not None and _hash(data) != installed.get(name)]


def coming_services(paths: Paths) -> dict[str, bytes | None]:
    """Return the files that this release would write over those of another, with ``None`` for one that it would remove.

    Nothing where the folder is of this release, or of none: a file that is missing there is not news.

    :raises ConfigError: if a file cannot be read
    """
    packaged, installed = packaged_services(), _manifest(paths.services / MANIFEST)
    if not installed or installed == {name: _hash(data) for name, data in packaged.items()}:
        return {}
    coming: dict[str, bytes | None] = {}
    for name, data in packaged.items():
        theirs = read_bytes(paths.services / name)
        if theirs != data and (theirs is None or _hash(theirs) == installed.get(name)):
            coming[name] = data
    for name in installed.keys() - packaged.keys():
        left = read_bytes(paths.services / name)
        if left is not None and _hash(left) == installed[name]:
            coming[name] = None
    return coming


def _install(
    paths: Paths, packaged: dict[str, bytes], current: dict[str, str], installed: dict[str, str], *, force: bool
) -> list[str]:
    notes: list[str] = []
    for name, data in packaged.items():
        path = paths.services / name
        mode = 0o755 if data.startswith(b"#!") else 0o644  # other users read them, in the containers
        theirs = read_bytes(path)
        if theirs == data:
            continue
        if theirs is None or _hash(theirs) == installed.get(name):
            _write(path, data, mode)
        elif force:
            write_atomic(_beside(path, ".old"), theirs, mode=mode)
            _write(path, data, mode)
            notes.append(f"Replaced {path}; your version is kept as {path.name}.old.")
        elif installed.get(name) != current[name]:
            write_atomic(_beside(path, ".new"), data, mode=mode)
            notes.append(f"Kept your changes to {path}; the new version is {path.name}.new beside it.")
    for name in installed.keys() - current.keys():
        # No longer in this release. Anyone can edit the manifest, so a name in it may point anywhere.
        path = paths.services / name
        inside = path.resolve().is_relative_to(paths.services.resolve())
        if inside and (data_left := read_bytes(path)) is not None and _hash(data_left) == installed[name]:
            path.unlink()
            with suppress(OSError):
                path.parent.rmdir()  # only if empty
    write_atomic(paths.services / MANIFEST, json.dumps(current, indent=1, sort_keys=True) + "\n", mode=0o644)
    return notes


def _write(path: Path, data: bytes, mode: int) -> None:
    ensure_folder(path.parent, mode=0o755)
    write_atomic(path, data, mode=mode)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _files(folder: Path, base: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(base)
        if path.is_file() and not _IGNORED.intersection(relative.parts) and path.suffix != ".pyc":
            yield relative.as_posix(), path.read_bytes()


def _manifest(path: Path) -> dict[str, str]:
    """Return the installed files. A broken manifest counts as empty: then every file that differs counts as changed."""
    try:
        found = json.loads(read_bytes(path) or b"{}")
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, AttributeError):
        return {}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

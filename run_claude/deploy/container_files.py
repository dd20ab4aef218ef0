"""What each service's container reads: from the files on disk, by the names that it has inside."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.files import read_bytes
from run_claude.domain.causes import caused
from run_claude.domain.container_files import ContainerFile, ContainerFiles, callbacks_volume, files_volume
from run_claude.domain.lifecycle import Service

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from run_claude.config.paths import Paths

__all__ = ["callbacks_digest", "changing_files", "container_files", "database_inputs", "fixed_files"]

# Of the services folder; sh runs them, postgres reads pg_hba.conf.
_DATABASE_FILES = ("databases", "entrypoint", "healthcheck", "pg_hba.conf")
_FOR_ALL = 0o444
_LARGEST_CALLBACKS = 20_000_000  # bytes


def container_files(paths: Paths, variables: Mapping[str, str], services: Sequence[Service]) -> list[ContainerFiles]:
    """Return the content of each service's volume of files, as it is on disk now. What is not there is left out.

    :param variables: those of the compose file
    :raises ConfigError: if a file is there and cannot be read
    """
    fixed = fixed_files(paths, variables, services)
    if Service.LITELLM not in services:
        return fixed
    return [*fixed, changing_files(paths, variables), *_callbacks(paths, variables)]


def fixed_files(paths: Paths, variables: Mapping[str, str], services: Sequence[Service]) -> list[ContainerFiles]:
    """Return, of :func:`container_files`, what a container reads when it starts.

    :raises ConfigError: if a file is there and cannot be read
    """
    made = {Service.TIMESCALEDB: lambda: _of_database(paths), Service.LITELLM: lambda: _of_proxy(paths, variables)}
    return [made[service]() for service in services]


def changing_files(paths: Paths, variables: Mapping[str, str]) -> ContainerFiles:
    """Return what the proxy reads again while it runs.

    :raises ConfigError: if a file is there and cannot be read
    """
    found = {path.name: read_bytes(path) for path in (paths.profiles_table, paths.default_profile, paths.pages_file)}
    return _readable_by_proxy(paths, variables, found)


def database_inputs(paths: Paths) -> str:
    """Return a hash of what the database's container reads, without its password: that one is given to it as it runs.

    :raises ConfigError: if a file is there and cannot be read
    """
    digest = hashlib.sha256()
    for data in _scripts(paths).values():
        digest.update(hashlib.sha256(data or b"").digest())
    return digest.hexdigest()[:12]


def callbacks_digest(folder: Path) -> str:
    """Return a hash of the user's own callbacks.

    :raises ConfigError: if one cannot be read, or it is no folder of callbacks
    """
    return _digest(_modules(folder))


def _digest(modules: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, data in modules.items():
        digest.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return digest.hexdigest()[:12]


def _callbacks(paths: Paths, variables: Mapping[str, str]) -> list[ContainerFiles]:
    if not (folder := variables.get("RUN_CLAUDE_CALLBACKS")):
        return []
    modules = _modules(Path(folder))
    volume = variables.get("RUN_CLAUDE_CALLBACKS_VOLUME")
    if volume != callbacks_volume(paths.instance, _digest(modules)):
        return []  # they have changed since: what was started with others keeps those, which its volume has
    return [replace(_readable_by_proxy(paths, variables, modules), volume=volume)]


def _modules(folder: Path) -> dict[str, bytes]:
    """Return the content of each file in a folder, by its name there; without what Python and editors leave behind."""
    found: dict[str, bytes] = {}
    size = 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part == "__pycache__" or part.startswith(".") for part in name.parts) or not path.is_file():
            continue
        size += path.stat().st_size
        if size > _LARGEST_CALLBACKS:
            raise caused(
                "setting-invalid", f"RUN_CLAUDE_CALLBACKS: {folder} has more than 20 MB, and is no folder of callbacks."
            )
        found[name.as_posix()] = read_bytes(path) or b""
    return found


def _of_proxy(paths: Paths, variables: Mapping[str, str]) -> ContainerFiles:
    ca_bundle = variables.get("RUN_CLAUDE_CA_BUNDLE") or os.devnull
    found = {
        "litellm.json": read_bytes(paths.litellm_secrets),
        "litellm_config.yaml": read_bytes(paths.litellm_config),
        "ca": read_bytes(Path(ca_bundle)),  # empty without one: an earlier one must not stay
    }
    return _readable_by_proxy(paths, variables, found)


def _readable_by_proxy(paths: Paths, variables: Mapping[str, str], found: Mapping[str, bytes | None]) -> ContainerFiles:
    group = variables.get("RUN_CLAUDE_CONTAINER_USER", "").partition(":")[2]
    return ContainerFiles(
        volume=files_volume(paths.instance, Service.LITELLM),
        group=int(group) if group.isdigit() else 0,
        files=tuple(ContainerFile(name=name, data=data) for name, data in found.items() if data is not None),
    )


def _of_database(paths: Paths) -> ContainerFiles:
    files = [ContainerFile(name=name, data=data, mode=_FOR_ALL) for name, data in _scripts(paths).items() if data]
    if (password := read_bytes(paths.database_secret)) is not None:
        files.append(ContainerFile(name="postgres_password", data=password, mode=0o400))
    return ContainerFiles(volume=files_volume(paths.instance, Service.TIMESCALEDB), files=tuple(files), mode=0o755)


def _scripts(paths: Paths) -> dict[str, bytes | None]:
    return {name: read_bytes(paths.services / "timescaledb" / name) for name in _DATABASE_FILES}

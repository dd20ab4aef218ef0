"""Look for all that is this user's, on the engine and on this machine. Reads only."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.env_store import beside, foreign
from run_claude.config.environment import EnvironmentFile
from run_claude.config.files import left_over
from run_claude.config.folder import folder_instance
from run_claude.config.paths import DEFAULT_INSTANCE
from run_claude.deploy.image import REPOSITORY
from run_claude.docker.belongings import belongings, volume_sizes
from run_claude.domain.removal import Found, Kind, Thing
from run_claude.errors import ConfigError, RunClaudeError
from run_claude.stack.instances import names_of
from run_claude.state import lock
from run_claude.state.deployed import is_deployed, load_deployment
from run_claude.state.folders import load_folders
from run_claude.state.images import load_images
from run_claude.uninstall.completion import completion_files
from run_claude.watch.service_units import service_manager

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from run_claude.config.paths import Paths
    from run_claude.docker.api import EngineApi
    from run_claude.domain.belongings import Belongings

__all__ = ["take_inventory"]

_BACKUP = re.compile(r".+-\d{8}T\d{6}Z(-\d+)?\.tar")  # as `db backup` names them
_BASES = "run-claude-base/"  # scripts/bases names its stand-ins so, and scripts/start writes them into `.env`
_OF_BASES = "run-claude-base/debian:trixie"  # what both are made from
# What scripts/engine has put there to install Docker, which others use by now.
_SYSTEM = (
    Path("/etc/apt/sources.list.d/run-claude-trixie.sources"),
    Path("/etc/apt/preferences.d/run-claude-trixie"),
)


async def take_inventory(
    api: EngineApi, paths: Paths, environ: Mapping[str, str], *, only: str = "", here: Path | None = None
) -> Found:
    """Return what there is of all instances of this home, or of one.

    :param only: the instance; empty for all, with what they share
    :param here: a folder to look for a block of `set-folder` in, as well as in those that are remembered
    :raises EngineError: if the engine cannot be asked
    """
    engine = _located(await belongings(api))
    known = names_of(paths, engine)
    chosen = tuple(name for name in known if only in ("", name))
    bases = _bases(paths, environ)
    if bases:
        engine = _located(await belongings(api, layers=True))
    return Found(
        instances=chosen,
        started=frozenset(name for name in chosen if is_deployed(replace(paths, instance=name))),
        whole=not only,
        services=_real(str(paths.services)),
        engine=engine,
        sizes=await volume_sizes(api) if engine.volumes else {},
        images={name: _images(replace(paths, instance=name)) for name in known},
        databases={name: _database_image(replace(paths, instance=name)) for name in chosen},
        bases=bases,
        here=tuple(_here(paths, environ, chosen, whole=not only, here=here)),
        keys=frozenset({str(paths.env_file), str(beside(paths.env_file))}),
        record=paths.compose_env_file.name,
        configured=frozenset(_configured(paths)),
    )


def _located(engine: Belongings) -> Belongings:
    """Return what the engine has, each folder by its real path: a home may be reached by several."""
    rows = (replace(row, directory=row.directory and _real(row.directory)) for row in engine.containers)
    return replace(engine, containers=tuple(rows))


def _real(path: str) -> str:
    return os.path.realpath(path)


def _configured(paths: Paths) -> Iterator[str]:
    """Yield the instances that a configuration of LiteLLM's was written for, from whatever state folder."""
    for path in paths.config.glob("litellm_config*.yaml"):
        name = path.stem.partition(".")[2] or DEFAULT_INSTANCE
        if replace(paths, instance=name).litellm_config == path:
            yield name


def _images(paths: Paths) -> tuple[str, ...]:
    """Return the images that the starts of an instance have built or pulled, and those of LiteLLM that they used."""
    found = [image.reference for image in load_images(paths.images_file) if image.made or _is_built(image.reference)]
    with suppress(RunClaudeError):  # of a release that kept no record
        if is_deployed(paths) and _is_built(image := load_deployment(paths).image):
            found.append(image)
    return tuple(dict.fromkeys(found))


def _database_image(paths: Paths) -> str:
    with suppress(RunClaudeError):
        return load_deployment(paths).project.variables.get("RUN_CLAUDE_TIMESCALEDB_IMAGE", "")
    return ""


def _is_built(reference: str) -> bool:
    return reference.startswith(f"{REPOSITORY}:")


def _bases(paths: Paths, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the stand-ins for base images that scripts/start has made for this home, and said so in its `.env`."""
    try:
        env = EnvironmentFile(environ, paths.env_file).load()
    except ConfigError:
        return ()
    named = [env.from_file(name) for name in ("RUN_CLAUDE_PYTHON_IMAGE", "RUN_CLAUDE_TIMESCALEDB_IMAGE")]
    ours = [name for name in named if name.startswith(_BASES)]
    return (*ours, _OF_BASES) if ours else ()


def _here(
    paths: Paths, environ: Mapping[str, str], chosen: tuple[str, ...], *, whole: bool, here: Path | None
) -> Iterator[Thing]:
    home = Path(environ.get("HOME") or "/")
    for name in chosen:
        own = replace(paths, instance=name)
        if watcher := lock.holder_of(own.watch_lock_file):
            pid = str(lock.holder_pid(own.watch_lock_file))
            yield Thing(kind=Kind.WATCHER, name=watcher, target=pid, instance=name)
        with suppress(ConfigError):  # neither systemd nor launchd
            if (unit := service_manager(home, environ).path(name)).exists():
                yield Thing(kind=Kind.UNIT, name=str(unit), instance=name)
    yield from _folders(paths, chosen, here)
    if whole:
        for path in completion_files(home, environ):
            yield Thing(kind=Kind.COMPLETION, name=str(path))
    for name in chosen:
        own = replace(paths, instance=name)
        if own.instance_state.exists():
            yield Thing(kind=Kind.STATE, name=str(own.instance_state), instance=name)
        if own.litellm_config.exists():
            yield Thing(kind=Kind.CONFIGURATION, name=str(own.litellm_config), instance=name)
    if whole:
        yield from _shared(paths)
        for path in _SYSTEM:
            if path.exists():
                yield Thing(kind=Kind.SYSTEM, name=str(path))


def _folders(paths: Paths, chosen: tuple[str, ...], here: Path | None) -> Iterator[Thing]:
    for folder in dict.fromkeys([*load_folders(paths), *([here] if here else [])]):
        with suppress(ConfigError, OSError):  # a block that is damaged is not surely ours any more
            if (instance := folder_instance(paths.env_file, folder)) in chosen:
                yield Thing(kind=Kind.FOLDER, name=str(folder), instance=instance or "")


def _shared(paths: Paths) -> Iterator[Thing]:
    if paths.folders_file.exists():
        yield Thing(kind=Kind.STATE, name=str(paths.folders_file))
    for path in sorted((paths.state / "backups").glob("*.tar")):
        if _BACKUP.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            yield Thing(kind=Kind.BACKUP, name=str(path), bytes=path.stat().st_size)
    ours = (beside(paths.env_file), paths.models_file, paths.profiles_file, paths.services)
    for path in (*([] if foreign(paths.env_file) else [paths.env_file]), *ours, *left_over(paths.config)):
        if path.exists() or path.is_symlink():
            yield Thing(kind=Kind.CONFIGURATION, name=str(path))

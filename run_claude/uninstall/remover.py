"""Carry out what was planned: watchers first, then the last backups, then the engine's things, then the files.

Each step is whole by itself, and what finds the rest again goes last: a command that is interrupted is finished by the
same command.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from run_claude.config.files import ensure_folder, write_atomic
from run_claude.config.folder import clear_folder
from run_claude.config.secrets import SALT_KEY
from run_claude.config.settings import load_settings
from run_claude.database import Database
from run_claude.database.backup import unused
from run_claude.deploy.services import remove_services
from run_claude.docker.belongings import (
    remove_container,
    remove_image,
    remove_network,
    remove_volume,
    stop_container,
)
from run_claude.domain.causes import caused
from run_claude.domain.removal import Kept, Kind, Removal, Thing, plan_removal
from run_claude.errors import ConfigError, RunClaudeError
from run_claude.stack import Stack
from run_claude.state import lock
from run_claude.state.deployed import deployed_secrets
from run_claude.state.instance import as_deployed, as_remembered
from run_claude.uninstall.completion import remove_completion
from run_claude.uninstall.inventory import take_inventory
from run_claude.watch.service_units import service_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from run_claude.config.paths import Paths
    from run_claude.config.settings import Settings
    from run_claude.docker.api import EngineApi
    from run_claude.domain.compose import Compose, Project
    from run_claude.domain.progress import Reporter
    from run_claude.stack.session import Session

__all__ = ["Outcome", "Remover"]

_WATCHER_WITHIN = 15.0  # seconds from the signal to the watcher's end


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was removed, what could not be and why, and the files that were written or moved before."""

    removed: tuple[Thing, ...]
    left: tuple[Kept, ...]
    backups: tuple[Path, ...]


@dataclass(slots=True, kw_only=True)
class Remover:
    """Removes what a plan names.

    :param only: the instance; empty for all
    :param here: a folder to look for a block of `set-folder` in
    :param backups: where the last backups go; ``None`` for none
    :param wait: seconds that other commands get to give up an instance's lock
    :param compose: makes what acts on a Compose project, for the backups; by default `docker compose`
    """

    api: EngineApi
    paths: Paths
    environ: Mapping[str, str]
    reporter: Reporter
    only: str = ""
    here: Path | None = None
    backups: Path | None = None
    wait: float = 600.0
    compose: Callable[[Session, Project], Compose] | None = None
    _moved: list[Path] = field(default_factory=list, init=False)  # earlier backups, at their new place

    async def plan(self, *, data: bool) -> Removal:
        """Return what would be removed now. Changes nothing.

        :raises EngineError: if the engine cannot be asked
        """
        found = await take_inventory(self.api, self.paths, self.environ, only=self.only, here=self.here)
        return plan_removal(found, data=data, backups=self.backups is not None)

    async def remove(self, confirmed: Removal) -> Outcome:
        """Remove what was confirmed, and what has come to it meanwhile; data only of the instances that were named.

        :raises DataError: if a backup cannot be written, or cannot be restored; nothing of the engine was removed
        :raises BusyError: if another command does not give up an instance's lock in time
        :raises EngineError: if the engine cannot be asked
        """
        async with AsyncExitStack() as held:
            await self._end_watchers(confirmed, held)
            written = await self._back_up(confirmed)
            for name in {thing.instance for thing in confirmed.things if thing.kind is Kind.STATE and thing.instance}:
                await held.enter_async_context(self._lock(replace(self.paths, instance=name).lock_file, self.wait))
            now = await self.plan(data=confirmed.with_data)  # the backups have started containers
            removed, left = list[Thing](), list[Kept]()
            for thing in now.things:
                if thing.kind in (Kind.UNIT, Kind.WATCHER):  # ended, and the lock is ours now
                    continue
                if thing.kind is Kind.VOLUME and thing.instance in set(now.data) - set(confirmed.data):
                    continue
                if thing.kind is Kind.STATE and thing.instance in {item.thing.instance for item in left}:
                    record = self.paths.compose_env_file.name  # by it, the next call finds what is left
                    thing = replace(thing, spare=thing.spare | {record})
                if why := await self._remove(thing):
                    left.append(Kept(thing, why))
                else:
                    removed.append(thing)
            self._remove_empty_folders()
        ended = [thing for thing in confirmed.things if thing.kind in (Kind.UNIT, Kind.WATCHER)]
        return Outcome(removed=(*ended, *removed), left=tuple(left), backups=(*written, *self._moved))

    # --- before anything goes ---------------------------------------------------------------------------------

    async def _end_watchers(self, plan: Removal, held: AsyncExitStack) -> None:
        """End what would heal the stack, and keep others from beginning."""
        home = Path(self.environ.get("HOME") or "/")
        for thing in plan.things:
            if thing.kind is Kind.UNIT:
                self.reporter.step(f"Removing {thing.name}")
                manager = service_manager(home, self.environ)
                await anyio.to_thread.run_sync(manager.uninstall, thing.instance)
        for thing in plan.things:
            path = replace(self.paths, instance=thing.instance).watch_lock_file
            if thing.kind is Kind.STATE and thing.instance and path.exists():
                _end(lock.holder_pid(path))
                await held.enter_async_context(self._lock(path, _WATCHER_WITHIN))

    async def _back_up(self, plan: Removal) -> list[Path]:
        """Write a backup of each instance whose data goes, restore it to see that it can be, and keep its key.

        The proxy is stopped before: it writes then what it knows of the last requests.
        """
        written: list[Path] = []
        if self.backups is None:
            return written
        for name in plan.data:
            settings = await anyio.to_thread.run_sync(self._settings, name)
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            ensure_folder(self.backups)
            path = unused(self.backups, f"{name}-{stamp}")
            try:
                async with Stack.open(settings, reporter=self.reporter, compose=self.compose) as stack:
                    await stack.down()
                async with Database.open(settings, reporter=self.reporter, compose=self.compose) as database:
                    await database.start()
                    await database.backup(path, verify=True)
            except RunClaudeError:
                unit = any(thing.kind is Kind.UNIT for thing in plan.things)
                but = " but the watcher's service (`run-claude watch install` brings it back)" if unit else ""
                self.reporter.note(f"Nothing was removed{but}; `run-claude start` starts what was stopped.")
                raise
            written.append(path)
            if salt := _salt(settings):
                key = path.with_suffix(".env")
                write_atomic(key, f"{SALT_KEY}={salt}\n")
                written.append(key)
        return written

    def _settings(self, name: str) -> Settings:
        try:
            return as_remembered(load_settings(self.environ, instance=name))
        except ConfigError as error:
            return as_deployed(self.environ, name, error)

    def _lock(self, path: Path, wait: float) -> AbstractAsyncContextManager[bool]:
        return lock.lock(path, "uninstall", wait=wait, on_wait=lambda who: self.reporter.step(f"Waiting for {who}"))

    # --- one thing --------------------------------------------------------------------------------------------

    async def _remove(self, thing: Thing) -> str:
        """Remove one thing; return why it is still there, empty if it is not.

        :raises EngineError: if the engine cannot be asked
        """
        match thing.kind:
            case Kind.CONTAINER:
                self.reporter.step(f"Removing {thing.name}")
                return await stop_container(self.api, thing.target) or await remove_container(self.api, thing.target)
            case Kind.NETWORK:
                return await remove_network(self.api, thing.target)
            case Kind.VOLUME:
                return await remove_volume(self.api, thing.name)
            case Kind.IMAGE:
                self.reporter.step(f"Removing {thing.name}")
                return await remove_image(self.api, thing.name)
            case Kind.UNIT | Kind.WATCHER | Kind.SYSTEM | Kind.CACHE:
                return ""
            case Kind.FOLDER | Kind.COMPLETION | Kind.STATE | Kind.BACKUP | Kind.CONFIGURATION:
                return await anyio.to_thread.run_sync(self._remove_file, thing)

    def _remove_file(self, thing: Thing) -> str:
        path = Path(thing.name)
        try:
            if thing.kind is Kind.FOLDER:
                clear_folder(path)
            elif thing.kind is Kind.COMPLETION:
                remove_completion(path)
            elif thing.kind is Kind.BACKUP and self.backups is not None:
                ensure_folder(self.backups)
                self._moved.append(Path(shutil.move(path, unused(self.backups, path.stem))))
            elif path == self.paths.services and path.is_dir() and not path.is_symlink():
                if stays := remove_services(path):
                    self.reporter.note(f"{path} keeps what is yours: {', '.join(stays[:5])}.")
            else:
                _remove_tree(path, thing.spare)
        except (ConfigError, OSError) as error:
            return error.message if isinstance(error, ConfigError) else (error.strerror or str(error)).lower()
        return ""

    def _remove_empty_folders(self) -> None:
        state = self.paths.state
        for folder in (state / "instances", state / "backups", state, self.paths.config):
            with suppress(OSError):  # something of the user's, or of another instance, is in it
                folder.rmdir()


def _remove_tree(path: Path, spare: frozenset[str]) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    if not spare:
        shutil.rmtree(path)
        return
    for child in path.iterdir():
        if child.name not in spare:
            _remove_tree(child, frozenset())


def _end(pid: int) -> None:
    """Ask a watcher to end. The kernel says that it holds the lock; on Linux its command line says so, too.

    A lock's file in a folder that two machines or containers share may name another's process.
    """
    if not pid:
        return
    if sys.platform == "linux":
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return
        if b"run_claude" not in command and b"run-claude" not in command:
            raise caused(
                "busy",
                f"A watcher of this instance is running, and it is not the process {pid} of this machine.",
                help="End it where it runs, then run this again.",
            )
    with suppress(ProcessLookupError, PermissionError):  # the wait for its lock says so
        os.kill(pid, signal.SIGTERM)


def _salt(settings: Settings) -> str:
    """Return the key with which LiteLLM has encrypted what is in the backup; empty if there is none."""
    if given := deployed_secrets(settings.paths).get(SALT_KEY):
        return given
    try:
        return settings.environment().get(SALT_KEY)
    except ConfigError:
        return ""

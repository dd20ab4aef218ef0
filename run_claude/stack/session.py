"""A connection to the engine for one instance: what it sees, and what every action on it needs."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Self

import anyio

from run_claude.deploy.plan import Prepared, plan, prepare
from run_claude.docker.api import EngineApi
from run_claude.docker.endpoint import Endpoint, resolve_endpoint
from run_claude.docker.process import ungrouped
from run_claude.domain.progress import Reporter, Silent
from run_claude.state import lock
from run_claude.state.intent import Intent, load_intent, save_intent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Literal

    from anyio.abc import TaskGroup

    from run_claude.config.settings import Settings
    from run_claude.docker.compose import Compose
    from run_claude.docker.events import EngineStream
    from run_claude.docker.observer import Missed, Observer
    from run_claude.domain.lifecycle import Service, Snapshot, Transition

__all__ = ["Session"]


class Session:
    """The engine as one instance needs it. Open with :meth:`open`."""

    def __init__(
        self, settings: Settings, api: EngineApi, group: TaskGroup, exits: AsyncExitStack, reporter: Reporter
    ) -> None:
        self.settings = settings
        self.api = api
        self.reporter = reporter
        self._group = group
        self._exits = exits
        self._observer: Observer | None = None
        self._stream: EngineStream | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        reporter: Reporter | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> AsyncIterator[Self]:
        """Yield the controller of an instance. Nothing is asked of the engine yet, nothing is changed.

        :raises EngineError: if the endpoint cannot be resolved
        """
        endpoint = resolve_endpoint(environ)
        with ungrouped():
            async with AsyncExitStack() as exits:
                api = await exits.enter_async_context(EngineApi.connect(endpoint))
                async with anyio.create_task_group() as group:
                    try:
                        yield cls(settings, api, group, exits, reporter or Silent())
                    finally:
                        group.cancel_scope.cancel()

    @property
    def endpoint(self) -> Endpoint:
        """The engine's endpoint."""
        return self.api.endpoint

    # --- what is ----------------------------------------------------------------------------------------------

    async def look(self) -> Snapshot:
        """Return what is, now.

        :raises EngineError: if the engine cannot be asked
        """
        return await self.api.look(self.settings.instance)

    async def observe(self) -> Observer:
        """Return the running observer; the first call starts it (and imports aiohttp)."""
        if self._observer is None:
            from run_claude.docker.observer import Observer

            self._observer = Observer(self.api, await self.stream(), self.settings.instance)
            self._group.start_soon(self._observer.run)
        return self._observer

    async def stream(self) -> EngineStream:
        """Return the connection for streams, events and logs; the first call opens it (and imports aiohttp)."""
        if self._stream is None:
            from run_claude.docker.events import EngineStream

            self._stream = await self._exits.enter_async_context(EngineStream.connect(self.endpoint))
        return self._stream

    async def transitions(self) -> AsyncIterator[Transition | Missed]:
        """Yield each transition from now on; :class:`Missed` where the reader was too slow."""
        observer = await self.observe()
        with observer.subscribe() as subscription:
            async for transition in subscription:
                yield transition

    async def log_tail(self, service: Service, snapshot: Snapshot, *, lines: int = 15) -> list[str]:
        """Return the last log lines of a service, without secrets; empty if it has no container."""
        if not (container := snapshot[service].id):
            return []
        from run_claude.stack.log_redaction import without_secrets

        return without_secrets(await (await self.stream()).log(container, tail=lines), self.settings)

    # --- what every action needs ------------------------------------------------------------------------------

    def compose(self, prepared: Prepared) -> Compose:
        """Return Compose for this instance, with the files of a plan."""
        from run_claude.docker.compose import Compose

        return Compose(
            endpoint=self.endpoint,
            project=self.settings.instance,
            directory=self.settings.paths.services,
            env_file=self.settings.paths.compose_env_file,
            files=prepared.compose_files,
            variables=frozenset(prepared.compose_variables),
            on_command=self.reporter.command,
        )

    def planned(self, *, database: bool = True) -> Prepared:
        """Return what Compose works with, leaving the user's files as they are once there are any.

        :raises ConfigError: if the user's files cannot be used
        """
        if self.settings.paths.compose_env_file.exists():
            return plan(self.settings, profile=None, database=database)
        return prepare(self.settings, profile=None, database=database)

    @asynccontextmanager
    async def writing(self, purpose: str) -> AsyncIterator[None]:
        """Hold the instance's lock: one command at a time changes its containers and files.

        :param purpose: what the one who waits for it is told: ``proxy start``
        :raises BusyError: if another command does not give it up in time
        """

        def waiting(holder: str) -> None:
            self.reporter.step(f"Waiting for {holder}")

        wait = self.settings.lock_timeout
        async with lock.lock(self.settings.paths.lock_file, purpose, wait=wait, on_wait=waiting):
            yield

    def busy(self) -> str:
        """Return who changes this instance now, in words: what is may not be what will be. Empty if nobody does."""
        return lock.holder_of(self.settings.paths.lock_file)

    def intend(self, wanted: Literal["up", "down"], prepared: Prepared, *, database: bool) -> None:
        """Remember what the user wants: `watch` heals that, and nothing else."""
        profile = prepared.profile.name
        if wanted == "down" and (last := load_intent(self.settings.paths.intent_file)[0]):
            profile, database = last.profile, last.database
        save_intent(self.settings.paths.intent_file, Intent(wanted=wanted, database=database, profile=profile))

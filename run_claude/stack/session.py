"""One instance and its engine: what it sees, and what every action on it needs."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from run_claude.deploy.services import install_services
from run_claude.docker.api import EngineApi
from run_claude.docker.endpoint import Endpoint, resolve_endpoint
from run_claude.docker.process import ungrouped
from run_claude.domain.compose import COMPOSE_FILE
from run_claude.domain.progress import Reporter, Silent
from run_claude.errors import RunClaudeError
from run_claude.state import lock
from run_claude.state.deployed import is_deployed, load_deployment
from run_claude.state.instance import as_remembered
from run_claude.state.intent import Intent, load_intent, save_intent
from run_claude.state.unfinished import Unfinished, forget_unfinished, load_unfinished, save_unfinished

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from anyio.abc import TaskGroup

    from run_claude.config.settings import Settings
    from run_claude.docker.events import EngineStream
    from run_claude.docker.observer import Missed, Observer
    from run_claude.domain.compose import Compose, Project
    from run_claude.domain.lifecycle import Service, Snapshot, Transition

__all__ = ["Session"]


class Session:
    """The engine as one instance needs it. Open with :meth:`open`."""

    def __init__(
        self,
        settings: Settings,
        api: EngineApi,
        group: TaskGroup,
        exits: AsyncExitStack,
        reporter: Reporter,
        compose: Callable[[Session, Project], Compose],
    ) -> None:
        self.settings = settings
        self.api = api
        self.reporter = reporter
        self._group = group
        self._exits = exits
        self._compose = compose
        self.fit = False  # whether the engine was found to be one that can run the stack
        self._replacing = False
        self._observer: Observer | None = None
        self._stream: EngineStream | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        reporter: Reporter | None = None,
        compose: Callable[[Session, Project], Compose] | None = None,
    ) -> AsyncIterator[Session]:
        """Yield the session of an instance. Nothing is asked of the engine yet, nothing is changed.

        What was said at an earlier start applies: the session's settings may have other ports than those given.

        :param compose: makes what acts on a Compose project; by default `docker compose`
        :raises ConfigError: if two services would use one port
        :raises EngineError: if the endpoint cannot be resolved, or is not on this machine
        """
        settings = as_remembered(settings)
        endpoint = resolve_endpoint(settings.environ)
        with ungrouped():
            async with AsyncExitStack() as exits:
                api = await exits.enter_async_context(EngineApi.connect(endpoint, port=settings.port))
                async with anyio.create_task_group() as group:
                    try:
                        yield cls(settings, api, group, exits, reporter or Silent(), compose or _docker_compose)
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

    async def transitions(self, *, since: Snapshot | None = None) -> AsyncIterator[Transition | Missed]:
        """Yield each transition from now on; :class:`Missed` where the reader was too slow.

        :param since: an earlier look: what has changed between it and the first snapshot comes first
        """
        observer = await self.observe()
        with observer.subscribe() as subscription:
            if since is not None:
                from run_claude.domain.transitions import transitions

                now = await observer.wait_for(lambda snapshot: snapshot)
                for change in transitions(since, now, observer.recent):
                    yield change
            async for transition in subscription:
                yield transition

    async def log_tail(self, service: Service, snapshot: Snapshot, *, lines: int = 15) -> list[str]:
        """Return the last log lines of a service, without secrets; empty if it has no container."""
        if not (container := snapshot[service].id):
            return []
        from run_claude.stack.log_redaction import without_secrets

        return without_secrets(await (await self.stream()).log(container, tail=lines), self.settings)

    # --- what every action needs ------------------------------------------------------------------------------

    def compose(self, project: Project) -> Compose:
        """Return Compose for a project of this instance."""
        return self._compose(self, project)

    async def deployed_compose(self) -> Compose:
        """Return Compose for what was started last: it needs no usable configuration.

        Where the record of it is gone, or nothing was ever started, it is what a start would start; that is written
        under the instance's lock.

        :raises ConfigError: if the files cannot be read, or there are none and the user's cannot be used
        :raises BusyError: if they have to be written, and another command does not give up the lock in time
        """
        paths = self.settings.paths
        if is_deployed(paths):
            if not (paths.services / COMPOSE_FILE).exists():  # removed by somebody: Compose needs it for all it does
                await anyio.to_thread.run_sync(install_services, paths)
            return self.compose((await anyio.to_thread.run_sync(load_deployment, paths)).project)
        from run_claude.deploy.prepare import prepare

        async with self.writing("prepare"):
            planned = await anyio.to_thread.run_sync(lambda: prepare(self.settings, profile=None, database=True))
        return self.compose(planned.project)

    @asynccontextmanager
    async def writing(self, purpose: str) -> AsyncIterator[bool]:
        """Hold the instance's lock: one command at a time changes its containers and files.

        Yields whether the lock had to be waited for: what was read before may be outdated then.

        :param purpose: shown to a command that waits for this one: ``proxy start``
        :raises BusyError: if another command does not give it up in time
        """

        def waiting(holder: str) -> None:
            self.reporter.step(f"Waiting for {holder}")

        wait = self.settings.lock_timeout
        async with lock.lock(self.settings.paths.lock_file, purpose, wait=wait, on_wait=waiting) as waited:
            yield waited

    def busy(self) -> str:
        """Return which command changes this instance now, in words: what is may change. Empty if none does."""
        return lock.holder_of(self.settings.paths.lock_file)

    # --- what the user wants ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Take over what another command has said in the meantime."""
        self.settings = as_remembered(self.settings)

    def intent(self) -> Intent | None:
        """Return what the user wants; ``None`` before the first start, or if the file is broken."""
        return load_intent(self.settings.paths.intent_file)[0]

    def intend_up(self, *, database: bool, profile: str) -> None:
        """Remember how the user wants it to run: `watch` heals that, and nothing else.

        :raises ConfigError: if it cannot be written
        """
        intent = Intent(wanted="up", database=database, profile=profile, said=self.settings.said)
        save_intent(self.settings.paths.intent_file, intent)

    def intend_down(self) -> None:
        """Remember that it is to be stopped, and how it was started. If it never was, there is nothing to remember.

        :raises ConfigError: if it cannot be written
        """
        if last := self.intent():
            save_intent(self.settings.paths.intent_file, replace(last, wanted="down", at=time.time()))

    # --- what is stopped in order to start again --------------------------------------------------------------

    def unfinished(self) -> Unfinished | None:
        """Return what a command has begun and not finished: one that works now, or one that was killed."""
        return load_unfinished(self.settings.paths.unfinished_file)

    @asynccontextmanager
    async def replacing(
        self, command: str, services: Sequence[Service], *, password: bool = False
    ) -> AsyncIterator[None]:
        """Leave a mark on disk while these services may be stopped in order to be started again.

        It stays if the process is killed or interrupted, so that the watcher or the next start finishes it. An error
        is a decision: the mark goes, and what the services are now is what they stay. Below another mark, nothing.

        :param command: shown in `status` if it is left over
        :param password: the database is to be given the password in `.env`; stays until :meth:`password_given`
        :raises ConfigError: if the mark cannot be written
        """
        if self._replacing:
            yield
            return
        self.begin(command, services, password=password)
        self._replacing = True
        try:
            yield
        except RunClaudeError:
            self.finish()
            raise
        else:
            self.finish()
        finally:
            self._replacing = False

    def begin(self, command: str, services: Sequence[Service], *, password: bool = False) -> None:
        """Leave the mark of :meth:`replacing`, until :meth:`finish`.

        :raises ConfigError: if it cannot be written
        """
        left = self.unfinished()
        password = password or (left is not None and left.password)
        mark = Unfinished(command=command, services=tuple(services), password=password)
        save_unfinished(self.settings.paths.unfinished_file, mark)

    def finish(self) -> None:
        """Take note that nothing has to be started any more. A password that was not given yet stays to be given."""
        path, left = self.settings.paths.unfinished_file, self.unfinished()
        if left is not None and left.password:
            save_unfinished(path, replace(left, services=()))
        else:
            forget_unfinished(path)

    def password_given(self) -> None:
        """Take note that the database has the password in `.env`."""
        if (left := self.unfinished()) is not None:
            save_unfinished(self.settings.paths.unfinished_file, replace(left, password=False))


def _docker_compose(session: Session, project: Project) -> Compose:
    from run_claude.docker.compose import DockerCompose

    return DockerCompose(
        endpoint=session.endpoint,
        project=project,
        name=session.settings.instance,
        directory=session.settings.paths.services,
        env_file=session.settings.paths.compose_env_file,
        environ=session.settings.environ,
        on_command=session.reporter.command,
    )

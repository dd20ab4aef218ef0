"""The controller: one object that ties configuration, engine and policy together.

    async with Stack.open(settings) as stack:
        await stack.up()
        async for transition in stack.transitions(): ...
        await stack.down()

It drives ``docker compose``, and waits for what the engine's events lead it to see; it never polls.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from run_claude.config import applied
from run_claude.config.intent import Intent, load_intent, save_intent
from run_claude.config.prepare import Prepared, plan, prepare
from run_claude.config.secrets import DATABASE_PASSWORD, MASTER_KEY, read_secrets, rotate
from run_claude.core.diagnosis import service_failure, start_timeout
from run_claude.core.errors import DataError, EngineError, RunClaudeError, StartError, UsageError
from run_claude.core.groups import ungrouped
from run_claude.core.lifecycle import Phase, Service, Snapshot, Transition
from run_claude.core.readiness import Failed, Ready, judge
from run_claude.core.report import Reporter, Silent
from run_claude.core.timeline import Span, start_timeline
from run_claude.engine.api import EngineApi
from run_claude.engine.compose import Compose
from run_claude.engine.endpoint import Endpoint, resolve_endpoint
from run_claude.engine.inspect import PROJECT_LABEL
from run_claude.holders import name_holder
from run_claude.host import lock
from run_claude.status import Status, database_words, services_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from typing import Literal

    from anyio.abc import TaskGroup

    from run_claude.config.settings import Settings
    from run_claude.engine.observer import Missed, Observer
    from run_claude.engine.stream import EngineStream

__all__ = ["Stack", "Started", "Status"]

MINIMUM_API = (1, 44)  # Engine 25: the first with `start_interval`; older ones refuse the compose file half-way
DEFAULT_TIMEOUT = 180.0  # seconds to healthy; a first start with a database runs some 220 migrations


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A stack that is healthy, and how it got there."""

    snapshot: Snapshot
    services: tuple[Service, ...]
    prepared: Prepared
    already: bool  # it was healthy and up to date: nothing was done
    spans: tuple[Span, ...] = ()


class Stack:
    """The stack of one instance. Open with :meth:`open`."""

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
    ) -> AsyncIterator[Stack]:
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

    async def look(self) -> Snapshot:
        """Return what is, now.

        :raises EngineError: if the engine cannot be asked
        """
        return await self.api.look(self.settings.instance)

    async def observe(self) -> Observer:
        """Return the running observer; the first call starts it (and imports aiohttp)."""
        if self._observer is None:
            from run_claude.engine.observer import Observer
            from run_claude.engine.stream import EngineStream

            self._stream = await self._exits.enter_async_context(EngineStream.connect(self.endpoint))
            self._observer = Observer(self.api, self._stream, self.settings.instance)
            self._group.start_soon(self._observer.run)
        return self._observer

    async def transitions(self) -> AsyncIterator[Transition | Missed]:
        """Yield each transition from now on; :class:`Missed` where the reader was too slow."""
        observer = await self.observe()
        with observer.subscribe() as subscription:
            async for transition in subscription:
                yield transition

    # --- up ---------------------------------------------------------------------------------------------------

    async def up(
        self,
        *,
        profile: str | None = None,
        database: bool = True,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 (it becomes one fail_after, and the error says more)
    ) -> Started:
        """Bring the stack up and wait until it is healthy. Does nothing if it is healthy and up to date.

        :param profile: which models to serve; by default the one used last, else the first usable one
        :param timeout: seconds from running to healthy; building the image is not counted
        :raises ConfigError: if the user's files cannot be used
        :raises EngineError: if there is no usable engine
        :raises BuildError: if the image cannot be built
        :raises ConflictError: if a port or a name is taken
        :raises StartError: at once, when a container dies, loops or turns unhealthy
        :raises StartTimeout: if it is not healthy in time
        """
        prepared = await anyio.to_thread.run_sync(lambda: prepare(self.settings, profile=profile, database=database))
        for note in prepared.notes:
            self.reporter.note(note)
        services = services_of(database)
        before = await self.look()
        if before.healthy(services) and applied.matches(prepared, before, services):
            self._intend("up", prepared, database=database)
            return Started(snapshot=before, services=services, prepared=prepared, already=True)
        async with self._writing("proxy start"):
            await self._check_engine()
            self._intend("up", prepared, database=database)
            begin_ns = await self.api.time_ns()
            built = await self._build_if_missing(prepared, begin_ns)
            before = await self.look()  # whoever held the lock may have changed it
            if database and before.timescaledb.phase is Phase.ABSENT:
                await self._take_over_old_database(prepared, timeout)
            await self._compose_up(prepared, services, before)
            try:
                snapshot = await self._until_healthy(services, timeout)
            except StartError as error:
                await self._end_loop(prepared, error)
                raise
            applied.record(prepared, snapshot, services)
            spans = await self._timeline(snapshot, services, begin_ns, built)
        return Started(snapshot=snapshot, services=services, prepared=prepared, already=False, spans=spans)

    async def _take_over_old_database(self, prepared: Prepared, seconds: float) -> None:
        """Take the database of the layout before over: its project had the volume's name, and our container's.

        Its containers and network go, its volume stays. The volume may know another password than `.env` has: the
        old layout wrote it unquoted, and Compose expanded what looked like a variable in it.
        """
        old_project = f"{self.settings.instance}-infra"
        raw = await self.api.container_named(f"{self.settings.instance}-{Service.TIMESCALEDB}")
        if raw is None or (raw["Config"].get("Labels") or {}).get(PROJECT_LABEL) != old_project:
            return
        self.reporter.step("Taking over the database of the layout before")
        compose = self._compose(prepared)
        await compose.release(old_project)
        await compose.up([Service.TIMESCALEDB])
        await self._until_healthy([Service.TIMESCALEDB], seconds)
        await self._tell_database(compose, read_secrets(self.settings).database_password)

    async def _tell_database(self, compose: Compose, password: str) -> None:
        """Give the running database this password: over the socket in its container it asks for none.

        The statement goes in by standard input, where no process list shows it.
        """
        statement = f"ALTER USER postgres PASSWORD $run_claude${password}$run_claude$;"
        await compose.feed(Service.TIMESCALEDB, ["psql", "-qU", "postgres", "-v", "ON_ERROR_STOP=1"], statement)

    async def build(self, *, no_cache: bool = False) -> str:
        """Build the image, whatever there is, and return its reference.

        :raises BuildError: with the step that failed
        """
        prepared = await anyio.to_thread.run_sync(lambda: prepare(self.settings, profile=None, database=True))
        async with self._writing("proxy build"):
            await self._build(prepared, no_cache=no_cache)
        return prepared.image

    async def build_if_missing(self) -> str:
        """Build the image unless it is there, and return its reference.

        :raises BuildError: with the step that failed
        """
        await self.look()
        prepared = await anyio.to_thread.run_sync(lambda: prepare(self.settings, profile=None, database=True))
        async with self._writing("install"):
            await self._build_if_missing(prepared, 0)
        return prepared.image

    async def rotate(self, *, master_key: bool, database: bool) -> str:
        """Generate secrets anew, write them, and make what runs use them. Return what was done, in words.

        The file comes first: if the database cannot be told, what is written can be told to it again.

        :raises ConfigError: if `.env` cannot be used
        :raises DataError: if the running database does not take the new password
        """
        names = [MASTER_KEY] * master_key + [DATABASE_PASSWORD] * database
        before = await self.look()
        if database and not before.timescaledb.running:
            raise DataError(
                "The database does not run, so it cannot be given a new password.",
                help="Start it with `run-claude proxy start`, then rotate.",
                code="database-not-running",
            )
        planned = await anyio.to_thread.run_sync(self._planned)
        async with self._writing("secrets rotate"):
            fresh = rotate(self.settings, names)
            if database:
                await self._tell_database(self._compose(planned), fresh[DATABASE_PASSWORD])
        if before.litellm.running:
            intent = load_intent(self.settings.paths.intent_file)[0]
            await self.up(database=intent.database if intent else True)
            return f"Rotated {' and '.join(names)}; the proxy was started anew."
        return f"Rotated {' and '.join(names)}."

    async def _check_engine(self) -> None:
        version = await self.api.version()
        if version < MINIMUM_API:
            raise EngineError(
                f"This Docker engine speaks API {version[0]}.{version[1]}: too old for health checks with"
                " `start_interval`.",
                help="Update Docker to Engine 25 or newer.",
                code="engine-too-old",
                facts={"api_version": f"{version[0]}.{version[1]}"},
            )

    async def _build_if_missing(self, prepared: Prepared, begin_ns: int) -> tuple[int, int] | None:
        if await self.api.image(prepared.image) is not None:
            return None
        await self._build(prepared)
        return begin_ns, await self.api.time_ns()

    async def _build(self, prepared: Prepared, *, no_cache: bool = False) -> None:
        self.reporter.step("Building the image")
        compose = self._compose(prepared)
        await compose.build(Service.LITELLM, no_cache=no_cache, on_line=self.reporter.line)
        with suppress(RunClaudeError):  # old images only take room
            await compose.prune_images()

    async def _compose_up(self, prepared: Prepared, services: Sequence[Service], before: Snapshot) -> None:
        """Run `compose up`, and connect the observer meanwhile: its imports take as long as Compose does."""
        self.reporter.step("Starting the containers")
        compose = self._compose(prepared)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(compose.up, services)
                await anyio.lowlevel.checkpoint()
                await self.observe()
        except* RunClaudeError as errors:
            error = errors.exceptions[0]
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            with anyio.CancelScope(shield=True):
                await self._remove_half_made(compose, services, before)
                raise await name_holder(error, self.api, self.settings) from error.__cause__

    async def _remove_half_made(self, compose: Compose, services: Sequence[Service], before: Snapshot) -> None:
        """Remove containers that a failed `up` has created and could not start."""
        try:
            now = await self.look()
            left = [
                service
                for service in services
                if now[service].phase is Phase.CREATED and now[service].id != before[service].id
            ]
            if left:
                await compose.remove(left)
        except RunClaudeError:
            return  # the first error is the one to tell

    async def _until_healthy(self, services: Sequence[Service], seconds: float) -> Snapshot:
        self.reporter.step("Waiting until it is healthy")
        observer = await self.observe()
        verdict: Ready | Failed | None = None
        try:
            with anyio.fail_after(seconds), observer.subscribe() as seen:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._report_transitions, seen)
                    base = await observer.refresh()
                    self.reporter.snapshot(base)

                    def settled(now: Snapshot) -> Ready | Failed | None:
                        judged = judge(services, base, now)
                        return judged if isinstance(judged, Ready | Failed) else None

                    verdict = await observer.wait_for(settled)
                    group.cancel_scope.cancel()
        except TimeoutError as error:
            now = observer.snapshot or Snapshot()
            waiting = [(service, now[service]) for service in services if now[service].phase is not Phase.HEALTHY]
            raise start_timeout(seconds, waiting, now.lost) from error
        snapshot = observer.snapshot or Snapshot()
        if isinstance(verdict, Failed):
            raise await self._failure(verdict, snapshot)
        return snapshot

    async def _end_loop(self, prepared: Prepared, error: StartError) -> None:
        """Stop a service that Docker would restart for ever; its container stays, with its log."""
        if error.facts.get("reason") == "looping":
            with suppress(RunClaudeError):  # the first error is the one to tell
                await self._compose(prepared).stop([Service(str(error.facts["service"]))])

    async def _report_transitions(self, seen: AsyncIterator[Transition | Missed]) -> None:
        async for transition in seen:
            if isinstance(transition, Transition):
                self.reporter.transition(transition)

    async def _failure(self, failed: Failed, snapshot: Snapshot) -> RunClaudeError:
        state = snapshot[failed.service]
        log = await self.log_tail(failed.service, snapshot)
        observer = await self.observe()
        oom = any(event.action == "oom" and event.service is failed.service for event in observer.recent)
        return service_failure(failed.service, failed.reason, state, log, oom=oom)

    async def log_tail(self, service: Service, snapshot: Snapshot, *, lines: int = 15) -> list[str]:
        """Return the last log lines of a service; empty if it has no container."""
        await self.observe()
        container = snapshot[service].id
        if not container or self._stream is None:
            return []
        return await self._stream.log(container, tail=lines)

    async def _timeline(
        self, snapshot: Snapshot, services: Sequence[Service], begin_ns: int, built: tuple[int, int] | None
    ) -> tuple[Span, ...]:
        if self._stream is None:
            return ()
        markers = await self._stream.markers(snapshot[Service.LITELLM].id, "run-claude: ")
        return tuple(
            start_timeline(begin_ns=begin_ns, build=built, snapshot=snapshot, services=services, markers=markers)
        )

    # --- down -------------------------------------------------------------------------------------------------

    async def down(self, *, database: bool = False, remove: bool = False) -> Snapshot:
        """Stop the proxy, and the database as well if asked to. Data stays in its volume.

        :param remove: remove the containers and the network, too
        :raises EngineError: if there is no usable engine
        """
        before = await self.look()  # an engine that is not there is told before anything is written
        if all(before[service].phase is Phase.ABSENT for service in Service) and not remove:
            return before
        planned = await anyio.to_thread.run_sync(self._planned)
        async with self._writing("proxy stop"):
            self._intend("down", planned, database=not database)
            compose = self._compose(planned)
            if remove:
                self.reporter.step("Removing the containers")
                await compose.down()
            else:
                self.reporter.step("Stopping the containers")
                await compose.stop([Service.LITELLM, *([Service.TIMESCALEDB] if database else [])])
            return await self.look()

    async def restart(self, *, timeout: float = DEFAULT_TIMEOUT) -> Started:  # noqa: ASYNC109 (as in up)
        """Stop the proxy and start it again from what the configuration is now. The database runs on.

        :raises RunClaudeError: as :meth:`up` does
        """
        intent = load_intent(self.settings.paths.intent_file)[0]
        await self.down()
        return await self.up(database=intent.database if intent else True, timeout=timeout)

    # --- looking ----------------------------------------------------------------------------------------------

    async def status(self) -> Status:
        """Return what runs, and how it differs from what would be started now. Writes nothing.

        :raises EngineError: if the engine cannot be asked
        """
        intent = load_intent(self.settings.paths.intent_file)[0]
        snapshot = await self.look()
        database = intent.database if intent else snapshot.timescaledb.phase is not Phase.ABSENT
        planned = self._planned(database=database) if self.settings.paths.applied_file.exists() else None
        return Status(
            settings=self.settings,
            snapshot=snapshot,
            services=services_of(database),
            endpoint=self.endpoint.host,
            profile=intent.profile if intent else "",
            wanted=intent.wanted if intent else "",
            database=database_words(self.settings, snapshot, uses=planned.database if planned else False),
            drift=tuple(applied.drift(planned, snapshot)) if planned else (),
        )

    async def wait(self, service: Service, phase: Phase) -> Snapshot:
        """Return the first snapshot in which the service is in the phase. Bound it with a cancel scope.

        :raises EngineError: if the engine cannot be asked now; later it is waited for
        """
        await self.look()
        observer = await self.observe()
        return await observer.wait_for(lambda now: now if now[service].phase is phase else None)

    async def print_logs(
        self, services: Sequence[Service], *, tail: int, follow: bool, emit: Callable[[str], None]
    ) -> None:
        """Emit the last log lines of the services, and with ``follow`` each new one as it comes.

        :raises EngineError: if the engine cannot be asked
        :raises UsageError: if none of them has a container
        """
        snapshot = await self.look()
        present = [service for service in services if snapshot[service].id]
        if not present:
            raise UsageError(
                f"There are no containers of {self.settings.instance}.",
                help="Start them with `run-claude proxy start`.",
                code="not-started",
            )
        compose = self._compose(await anyio.to_thread.run_sync(self._planned))
        await compose.logs(present, tail=tail, follow=follow, on_line=emit)

    # --- both -------------------------------------------------------------------------------------------------

    def _planned(self, *, database: bool = True) -> Prepared:
        """Return what Compose works with, leaving the user's files as they are once there are any."""
        if self.settings.paths.compose_env_file.exists():
            return plan(self.settings, profile=None, database=database)
        return prepare(self.settings, profile=None, database=database)

    def _intend(self, wanted: Literal["up", "down"], prepared: Prepared, *, database: bool) -> None:
        """Remember what the user wants: `watch` heals that, and nothing else."""
        profile = prepared.profile.name
        if wanted == "down" and (last := load_intent(self.settings.paths.intent_file)[0]):
            profile, database = last.profile, last.database
        save_intent(self.settings.paths.intent_file, Intent(wanted=wanted, database=database, profile=profile))

    @asynccontextmanager
    async def _writing(self, purpose: str) -> AsyncIterator[None]:
        path = self.settings.paths.lock_file

        def waiting(holder: str) -> None:
            self.reporter.step(f"Waiting for {holder}")

        async with lock.lock(path, purpose, on_wait=waiting):
            yield

    def _compose(self, prepared: Prepared) -> Compose:
        return Compose(
            endpoint=self.endpoint,
            project=self.settings.instance,
            directory=self.settings.paths.services,
            env_file=self.settings.paths.compose_env_file,
            files=prepared.compose_files,
            variables=frozenset(prepared.compose_variables),
            on_command=self.reporter.command,
        )

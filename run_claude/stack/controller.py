"""The commands on a stack: up, down, restart, rotate, and the looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from run_claude.config.secrets import DATABASE_PASSWORD, MASTER_KEY, rotate
from run_claude.deploy.plan import prepare
from run_claude.domain.lifecycle import Phase, Service, Snapshot
from run_claude.errors import DataError, UsageError
from run_claude.stack.session import Session
from run_claude.stack.started import DEFAULT_TIMEOUT, Started
from run_claude.stack.status import Status, database_words, services_of
from run_claude.state import applied, history, lock
from run_claude.state.intent import load_intent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Stack"]


class Stack(Session):
    """The stack of one instance. Open with :meth:`open`."""

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
        if before.healthy(services) and applied.matches(prepared, before, services) and not self.busy():
            self.intend("up", prepared, database=database)
            return Started(snapshot=before, services=services, prepared=prepared, already=True)
        from run_claude.stack.start import Start  # with all that it needs: not for a stack that is healthy already

        async with self.writing("proxy start"):
            self.intend("up", prepared, database=database)
            started = await Start(self, prepared, services, timeout).run()
            applied.record(prepared, started.snapshot, services)
        return started

    async def build(self, *, no_cache: bool = False) -> str:
        """Build the image, whatever there is, and return its reference.

        :raises BuildError: with the step that failed
        """
        from run_claude.stack.start import Start

        prepared = await anyio.to_thread.run_sync(lambda: prepare(self.settings, profile=None, database=True))
        async with self.writing("proxy build"):
            await Start(self, prepared, services_of(True), DEFAULT_TIMEOUT).build(no_cache=no_cache)
        return prepared.image

    async def build_if_missing(self) -> str:
        """Build the image unless it is there, and return its reference.

        :raises BuildError: with the step that failed
        """
        from run_claude.stack.start import Start

        await self.look()
        prepared = await anyio.to_thread.run_sync(lambda: prepare(self.settings, profile=None, database=True))
        async with self.writing("install"):
            await Start(self, prepared, services_of(True), DEFAULT_TIMEOUT).build_if_missing()
        return prepared.image

    async def rotate(self, *, master_key: bool, database: bool) -> str:
        """Generate secrets anew, write them, and make what runs use them. Return what was done, in words.

        The file comes first: if the database cannot be told, what is written can be told to it again.

        :raises ConfigError: if `.env` cannot be used
        :raises DataError: if the running database does not take the new password
        """
        from run_claude.stack.start import tell_database

        names = [MASTER_KEY] * master_key + [DATABASE_PASSWORD] * database
        before = await self.look()
        if database and not before.timescaledb.running:
            raise DataError(
                "The database does not run, so it cannot be given a new password.",
                help="Start it with `run-claude proxy start`, then rotate.",
                code="database-not-running",
            )
        planned = await anyio.to_thread.run_sync(self.planned)
        async with self.writing("secrets rotate"):
            fresh = rotate(self.settings, names)
            if database:
                await tell_database(self.compose(planned), fresh[DATABASE_PASSWORD])
        if before.litellm.running:
            intent = load_intent(self.settings.paths.intent_file)[0]
            await self.up(database=intent.database if intent else True)
            return f"Rotated {' and '.join(names)}; the proxy was started anew."
        return f"Rotated {' and '.join(names)}."

    # --- down -------------------------------------------------------------------------------------------------

    async def down(self, *, database: bool = False, remove: bool = False) -> Snapshot:
        """Stop the proxy, and the database as well if asked to. Data stays in its volume.

        :param remove: remove the containers and the network, too
        :raises EngineError: if there is no usable engine
        """
        before = await self.look()  # an engine that is not there is told before anything is written
        if all(before[service].phase is Phase.ABSENT for service in Service) and not remove and not self.busy():
            return before
        planned = await anyio.to_thread.run_sync(self.planned)
        async with self.writing("proxy stop"):
            self.intend("down", planned, database=not database)
            compose = self.compose(planned)
            if remove:
                self.reporter.step("Removing the containers")
                await compose.down()
            else:
                self.reporter.step("Stopping the containers")
                await compose.stop([Service.LITELLM, *([Service.TIMESCALEDB] if database else [])])
            history.append(self.settings.paths.history_file, "removed" if remove else "stopped", {"database": database})
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
        planned = self.planned(database=database) if self.settings.paths.applied_file.exists() else None
        return Status(
            settings=self.settings,
            snapshot=snapshot,
            services=services_of(database),
            endpoint=self.endpoint.host,
            profile=intent.profile if intent else "",
            wanted=intent.wanted if intent else "",
            database=database_words(self.settings, snapshot, uses=planned.database if planned else False),
            drift=tuple(applied.drift(planned, snapshot)) if planned else (),
            watcher=lock.holder_of(self.settings.paths.watch_lock_file),
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
        compose = self.compose(await anyio.to_thread.run_sync(self.planned))
        await compose.logs(present, tail=tail, follow=follow, on_line=emit)

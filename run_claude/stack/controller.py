"""The commands on a stack: up, down, restart, rotate, and the looks at it."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from run_claude.config.model import Profile
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service, Snapshot
from run_claude.domain.marks import unsealed
from run_claude.errors import ConfigError
from run_claude.stack.delivery import take_back
from run_claude.stack.fitness import check_engine
from run_claude.stack.ports import choose_ports
from run_claude.stack.session import Session
from run_claude.stack.started import DEFAULT_TIMEOUT, Started
from run_claude.stack.status import Status, services_of, status_of
from run_claude.stack.up import Up
from run_claude.state import history
from run_claude.state.deployed import is_complete, is_deployed, load_deployment, withdraw_secrets
from run_claude.state.intent import save_intent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from run_claude.config.settings import Settings
    from run_claude.docker.observer import Missed
    from run_claude.domain.compose import Compose, Project
    from run_claude.domain.lifecycle import Transition
    from run_claude.domain.progress import Reporter

__all__ = ["Stack"]


class Stack:
    """The stack of one instance. Open with :meth:`open`.

    Every method raises :class:`~run_claude.errors.EngineError` if the engine cannot be asked, and
    :class:`~run_claude.errors.ConfigError` if a configuration file that it needs cannot be used. Those that change
    something hold the instance's lock meanwhile, and raise :class:`~run_claude.errors.BusyError` if another command
    does not give it up within ``settings.lock_timeout`` seconds.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._up = Up(session)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        reporter: Reporter | None = None,
        compose: Callable[[Session, Project], Compose] | None = None,
    ) -> AsyncIterator[Stack]:
        """Yield the controller of an instance. Nothing is asked of the engine yet, nothing is changed.

        :param reporter: receives progress; by default none is reported
        :param compose: makes what acts on a Compose project; by default `docker compose`
        :raises EngineError: if the endpoint cannot be resolved
        """
        async with Session.open(settings, reporter=reporter, compose=compose) as session:
            yield cls(session)

    @property
    def settings(self) -> Settings:
        """The settings of the instance."""
        return self.session.settings

    # --- up ---------------------------------------------------------------------------------------------------

    async def up(
        self,
        *,
        profile: str | None = None,
        database: bool | None = None,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 (it becomes one fail_after, and the error says more)
        for_all: bool = True,
    ) -> Started:
        """Bring the stack up and wait until it is healthy. Does nothing if it is healthy and up to date.

        What is healthy is not touched before the engine, ports, images, configuration and the database's volume are
        known to fit; if the new does not get healthy nevertheless, the old runs again.

        :param profile: which models to serve; by default the one used last, else the first usable one
        :param database: whether to start the database, for LiteLLM to use if its image can; by default as last time
        :param timeout: seconds from running to healthy; building the image is not counted
        :param for_all: whether it is that of requests which name none, also where the stack is healthy already
        :raises UsageError: if there is no such profile
        :raises ConfigError: if the user's files cannot be used, or all keys of the profile are missing
        :raises EngineError: if there is no usable engine
        :raises BuildError: if the image cannot be built
        :raises ConflictError: if a port or a name is taken
        :raises StartError: at once, when a container dies, loops or turns unhealthy
        :raises StartTimeout: if it is not healthy in time
        :raises BusyError: if another command does not give up the instance's lock in time
        """
        session, up, before = self.session, self._up, Snapshot()
        wanted = up.with_database(database)
        planned = await up.plan_if_initialized(profile, wanted)
        if planned is not None:
            before = await session.look()
            if up.is_settled(planned, before, wanted, for_all=for_all):
                return up.already(planned, before, wanted)
        if planned is None:
            await check_engine(session)  # before the lock's own file is written
        async with session.writing("proxy start") as waited:
            if planned is None or waited:  # what was read before the lock may be outdated
                session.refresh()
                wanted = up.with_database(database)
            if await choose_ports(session) or planned is None or waited:
                planned, before = await up.plan(profile, wanted), await session.look()
            return await up.start(planned, before, wanted, timeout, for_all=for_all)

    # --- the image --------------------------------------------------------------------------------------------

    async def build(self, *, no_cache: bool = False) -> str:
        """Build the image, whether it is there or not, and return its reference.

        :param no_cache: build every layer again
        :raises BuildError: with the step that failed
        """
        return await self._build("proxy build", anew=True, no_cache=no_cache)

    async def build_if_missing(self) -> str:
        """Build the image unless it is there, and return its reference. Pull the database's as well, if one is wanted.

        A database's image that cannot be pulled is no error, and a note: the proxy can be started without it.

        :raises BuildError: with the step that failed
        """
        return await self._build("install", anew=False, no_cache=False)

    async def _build(self, purpose: str, *, anew: bool, no_cache: bool) -> str:
        from run_claude.stack.image import build_ahead, pull_ahead

        await check_engine(self.session)  # without one nothing is written
        async with self.session.writing(purpose):
            self.session.refresh()
            database = self._up.with_database()
            planned = await self._up.plan(None, database)
            await build_ahead(self.session, planned, anew=anew, no_cache=no_cache)
            if database and not anew:
                await pull_ahead(self.session, planned)
        return planned.image

    # --- secrets ----------------------------------------------------------------------------------------------

    async def rotate(self, *, master_key: bool, database: bool) -> str:
        """Generate new secrets, write them, and make what runs use them. Return what was done, in words.

        The file comes first: if the database does not take the new password, it can be given to it again from there.

        :raises ConfigError: if `.env` cannot be used
        :raises DataError: if the running database does not take the new password
        """
        from run_claude.stack.rotation import rotate_secrets

        return await rotate_secrets(self.session, master_key=master_key, database=database)

    # --- down -------------------------------------------------------------------------------------------------

    async def down(self, *, database: bool = False, remove: bool = False) -> Snapshot:
        """Stop the proxy and return what is left. Data stays in its volume.

        :param database: stop the database as well
        :param remove: remove the containers and the network as well
        :raises EngineError: if there is no usable engine
        :raises BusyError: if another command does not give up the instance's lock in time
        """
        session = self.session
        before = await session.look()  # without an engine nothing is written
        intent = session.intent()
        nothing = all(before[service].phase is Phase.ABSENT for service in Service) and not remove
        if nothing and not session.busy() and (intent is None or intent.wanted == "down"):
            return before
        compose = await session.deployed_compose()
        async with session.writing("proxy stop"):
            try:
                session.intend_down()
                session.finish()
            except ConfigError as error:  # a full disk stops no stop
                session.reporter.note(f"The stop cannot be remembered, and `watch` may end it. {error.message}")
            if remove:
                session.reporter.step("Removing the containers")
                await compose.down()
                self._withdraw_secrets()
                await take_back(session)
            else:
                session.reporter.step("Stopping the containers")
                await compose.stop([Service.LITELLM, *([Service.TIMESCALEDB] if database else [])])
            history.append(self.settings.paths.history_file, "removed" if remove else "stopped", {"database": database})
            return await session.look()

    def _withdraw_secrets(self) -> None:
        try:
            withdraw_secrets(self.settings.paths)
        except (ConfigError, OSError) as error:  # the stack is stopped, which was asked for
            reason = error.message if isinstance(error, ConfigError) else f"{error}."
            self.session.reporter.note(f"Secrets of the stack are still in {self.settings.paths.secrets_dir}: {reason}")

    async def restart(self, *, timeout: float = DEFAULT_TIMEOUT) -> Started:  # noqa: ASYNC109 (as in up)
        """Stop the proxy and start it again from what the configuration is now. The database runs on.

        Where the configuration cannot be used, it is what was started last, and a note says why.

        :param timeout: seconds from running to healthy
        :raises RunClaudeError: as :meth:`up` does
        """
        session = self.session
        await check_engine(session)  # without one nothing is written
        async with session.writing("proxy restart"):
            session.refresh()
            database, before = self._up.with_database(), await session.look()
            try:
                planned = await self._up.plan(None, database)
            except ConfigError as error:
                if not (is_deployed(self.settings.paths) and is_complete(self.settings.paths)):
                    raise
                session.reporter.note(f"{error.message} What was deployed last is restarted.")
                return await self._restart_deployed(before, database, timeout)
            return await self._up.start(planned, before, database, timeout, command="proxy restart", anew=True)

    async def _restart_deployed(self, before: Snapshot, database: bool, timeout: float) -> Started:  # noqa: ASYNC109
        """Restart what was started last, where the user's files cannot be used now. Hold the lock."""
        from run_claude.stack.start import Start

        session, services, last = self.session, services_of(database), self.session.intent()
        profile = last.profile if last else ""
        if last is not None:
            save_intent(self.settings.paths.intent_file, replace(last, wanted="up", at=time.time()))
        start = Start(
            session,
            load_deployment(self.settings.paths),
            services,
            timeout,
            before,
            command="proxy restart",
            anew=True,
        )
        done = await start.run()
        return Started(
            snapshot=done.snapshot, services=services, profile=Profile(name=profile), already=False, spans=done.spans
        )

    # --- looking ----------------------------------------------------------------------------------------------

    async def look(self) -> Snapshot:
        """Return what is, now: one look at the containers, some 3 ms.

        :raises EngineError: if the engine cannot be asked
        """
        return await self.session.look()

    def transitions(self, *, since: Snapshot | None = None) -> AsyncIterator[Transition | Missed]:
        """Yield each transition of a service from now on, as the engine's events lead to it; never ends by itself.

        :class:`~run_claude.Missed` takes the place of transitions that came faster than they were taken: more than
        1,024 of them waited. An engine that goes away is no error: the services turn to ``Phase.UNKNOWN``, and back.

        :param since: an earlier look, such as :attr:`Started.snapshot`: what has changed since comes first
        """
        return self.session.transitions(since=since)

    async def status(self) -> Status:
        """Return what runs, and how it differs from what would be started now. Writes nothing.

        :raises EngineError: if the engine cannot be asked
        """
        return await status_of(self.session)

    async def wait(self, service: Service, phase: Phase) -> Snapshot:
        """Return the first snapshot in which the service is in the phase. Bound it with a cancel scope.

        :raises EngineError: if the engine cannot be asked now; later it is waited for
        """
        await self.session.look()
        observer = await self.session.observe()
        return await observer.wait_for(lambda now: now if now[service].phase is phase else None)

    async def print_logs(
        self, services: Sequence[Service], *, tail: int, follow: bool, emit: Callable[[str], None]
    ) -> None:
        """Emit the last log lines of the services, and with ``follow`` each new one as it comes.

        :raises EngineError: if the engine cannot be asked
        :raises UsageError: if none of them has a container
        """
        snapshot = await self.session.look()
        present = [service for service in services if snapshot[service].id]
        if not present:
            raise caused("not-started", f"There are no containers of {self.settings.instance}.")
        compose = await self.session.deployed_compose()
        await compose.logs(present, tail=tail, follow=follow, on_line=lambda line: emit(unsealed(line)))

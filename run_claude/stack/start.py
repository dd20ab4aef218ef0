"""The steps of one start, from the engine's version to a healthy stack, and why one did not get there."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

from run_claude.config.addresses import deployed_addresses
from run_claude.docker.process import first_error
from run_claude.domain.diagnosis import (
    MINIMUM_API,
    Evidence,
    engine_newer,
    engine_too_old,
    service_failure,
    start_timeout,
    stranger,
)
from run_claude.domain.lifecycle import Phase, Service, Snapshot, Transition
from run_claude.domain.readiness import Failed, Ready, judge
from run_claude.domain.timeline import Span, slowest, start_timeline
from run_claude.domain.volume import Held
from run_claude.errors import RunClaudeError
from run_claude.stack.delivery import deliver
from run_claude.stack.evidence import evidence_of, marks_of, memory_of
from run_claude.stack.holders import check_ports, name_holder
from run_claude.stack.image import build_if_missing, pull_if_missing
from run_claude.stack.preflight import check_volume, volume_name
from run_claude.stack.takeover import old_project, set_database_password
from run_claude.stack.upgrade import migrate_ahead
from run_claude.state import history
from run_claude.state.applied import load_applied
from run_claude.state.deployed import deployed_database_password

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from run_claude.deploy.plan import Plan
    from run_claude.docker.observer import Missed, Observer
    from run_claude.domain.compose import Compose
    from run_claude.stack.session import Session
    from run_claude.state.deployed import Deployment

__all__ = ["Healthy", "Start"]


_CLEAN_UP_WITHIN = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Healthy:
    """How a start has ended well: the services as they were last seen, and its steps (none without the proxy)."""

    snapshot: Snapshot
    spans: tuple[Span, ...]


@dataclass(slots=True)
class Start:
    """One start of these services. The files that it needs are written; its caller holds the instance's lock.

    :param what: what to start: a plan, or for the watcher what was started last
    :param timeout: seconds from running to healthy
    :param before: the look at the containers on which the start was decided
    :param command: for `status`, if the process is killed half-way
    :param anew: stop the proxy before, also where nothing has changed
    :param give_password: give the database the password that is written, before anything else uses it
    :param acted: whether a container was touched: set by the start
    """

    session: Session
    what: Plan | Deployment
    services: tuple[Service, ...]
    timeout: float
    before: Snapshot
    command: str = "proxy start"
    anew: bool = False
    give_password: bool = False
    acted: bool = False
    held: Held | None = None  # what the volume held before the start, where that was looked up

    async def run(self) -> Healthy:
        """Go through all the steps, and write into the history how it ended.

        :raises RunClaudeError: as :meth:`Stack.up <run_claude.stack.controller.Stack.up>` does
        """
        path, began = self.session.settings.paths.history_file, anyio.current_time()
        services = [service.value for service in self.services]
        try:
            healthy = await self._run()
        except RunClaudeError as error:
            history.append(path, "start-failed", {"services": services, "code": error.code, "message": error.message})
            raise
        facts: dict[str, object] = {"services": services, "seconds": round(anyio.current_time() - began, 3)}
        if (longest := slowest(healthy.spans)) is not None:
            facts |= {"slowest": longest.name, "slowest_seconds": round(longest.seconds, 3)}
        history.append(path, "started", facts)
        return healthy

    async def _run(self) -> Healthy:
        await self.check()
        begin_ns = await self.session.api.time_ns()
        if Service.TIMESCALEDB in self.services:
            await pull_if_missing(self.session, self.what)
            await self._check_volume()
        built = Service.LITELLM in self.services and await build_if_missing(
            self.session, self.what.project, self.what.image
        )
        span = (begin_ns, await self.session.api.time_ns()) if built else None
        if Service.LITELLM in self.services:
            await migrate_ahead(self.session, self._compose, self.what, self.before, self.timeout)
        async with self.session.replacing(self.command, self.services):
            self.acted = True
            await deliver(self.session, self.what, self.services)
            if Service.TIMESCALEDB in self.services:
                await self._give_password_to_database()
            await self._compose_up()
            try:
                snapshot = await self._until_healthy(self.services)
            except RunClaudeError as error:
                await self._end_loop(error)
                raise
        return Healthy(snapshot, await self._timeline(snapshot, begin_ns, span))

    # --- before the containers --------------------------------------------------------------------------------

    @property
    def _compose(self) -> Compose:
        return self.session.compose(self.what.project)

    async def check(self) -> None:
        """Refuse what certainly cannot run: by the engine's version, by the ports, by containers with our labels.

        :raises RunClaudeError: with the cause; nothing was touched
        """
        api, variables = self.session.api, self.what.project.variables
        version = await api.version()
        if version < MINIMUM_API:
            raise engine_too_old(version)
        if newer := engine_newer(version):
            self.session.reporter.line(f"{newer}; going on")
        for name, image in self.before.strangers:
            raise stranger(name, image)
        wanted = deployed_addresses(variables)
        addresses = [wanted[service] for service in self.services if service in wanted]
        await check_ports(api, self.session.settings.instance, addresses)

    async def _check_volume(self) -> None:
        """Refuse a volume that does not fit the image. What the last start made of this image has proved itself."""
        paths, settings = self.session.settings.paths, self.session.settings
        image = self.what.project.variables.get("RUN_CLAUDE_TIMESCALEDB_IMAGE", "")
        database = self.before.timescaledb
        proved = database.image == image and load_applied(paths.applied_file).made(Service.TIMESCALEDB, self.before)
        there = await self.session.api.image(image) if proved else None  # its tag may be another one now
        if image and (there is None or there.id != database.image_id):
            self.held = await check_volume(self.session.api, settings, image) or Held()

    async def _give_password_to_database(self) -> None:
        """Give the database our password where it may know another one.

        That is where a rotation was killed half-way, and where the old layout's database is taken over: that layout
        wrote the password unquoted, and Compose expanded what looked like a variable in it. The old layout's containers
        and network go; its volume, which has our name, stays.
        """
        old = await old_project(self.session) if self.before.timescaledb.phase is Phase.ABSENT else ""
        if not old and not self.give_password:
            return
        compose = self._compose
        if old:
            self.session.reporter.step("Taking over the database of an older release")
            await compose.down(old)
        await compose.up([Service.TIMESCALEDB])
        await self._until_healthy([Service.TIMESCALEDB])
        await set_database_password(compose, deployed_database_password(self.session.settings.paths))
        self.session.password_given()

    # --- the containers ---------------------------------------------------------------------------------------

    async def _compose_up(self) -> None:
        """Run `compose up`, and connect the observer meanwhile: its imports take as long as Compose does."""
        session = self.session
        session.reporter.step("Starting the containers")
        compose = self._compose
        await self._clear_the_way(compose)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(compose.up, self.services)
                await anyio.lowlevel.checkpoint()
                await session.observe()
        except BaseExceptionGroup as errors:
            if (error := first_error(errors, RunClaudeError)) is None:
                raise
            cause = error.__cause__
            with anyio.move_on_after(_CLEAN_UP_WITHIN, shield=True):
                await self._remove_half_made(compose)
                error = await name_holder(error, session.api, session.settings)
            raise error from cause

    async def _clear_the_way(self, compose: Compose) -> None:
        """Remove what `up` would keep and cannot mend, and stop the proxy where it would lose what it has yet to write.

        Compose recreates both services at once: the proxy's last writes would find no database.
        """
        if self.anew and self.before.litellm.running:
            await compose.stop([Service.LITELLM])
        if cut_off := [service for service in self.services if self.before[service].cut_off]:
            await compose.remove(cut_off)
        database = self.before.timescaledb
        in_use = self.what.database and self.before.litellm.running and database.running and not database.cut_off
        if self.anew or not in_use or Service.TIMESCALEDB not in self.services:
            return
        if not await compose.is_current(Service.TIMESCALEDB, database.config_hash):
            await compose.stop([Service.LITELLM])

    async def _remove_half_made(self, compose: Compose) -> None:
        """Remove containers that a failed `up` has created and could not start."""
        with suppress(RunClaudeError):  # the first error is the one to report
            now = await self.session.look()
            left = [
                service
                for service in self.services
                if now[service].phase is Phase.CREATED and now[service].id != self.before[service].id
            ]
            if left:
                await compose.remove(left)

    # --- waiting ----------------------------------------------------------------------------------------------

    async def _until_healthy(self, services: Sequence[Service]) -> Snapshot:
        self.session.reporter.step("Waiting until it is healthy")
        observer = await self.session.observe()
        try:
            with anyio.fail_after(self.timeout):
                verdict, snapshot = await self._verdict(observer, services)
        except TimeoutError as error:
            now = observer.snapshot or Snapshot()  # the engine may not have answered even once
            waiting = [(service, now[service]) for service in services if now[service].phase is not Phase.HEALTHY]
            first = waiting[0][0] if waiting else services[-1]
            log, level = (Evidence(), ("", "")) if now.lost else await evidence_of(self.session, first, now, self.what)
            raise start_timeout(self.timeout, waiting, now.lost, log=log, level=level) from error
        if isinstance(verdict, Failed):
            raise await self._failure(verdict, snapshot)
        return snapshot

    async def _verdict(self, observer: Observer, services: Sequence[Service]) -> tuple[Ready | Failed, Snapshot]:
        """Return how the start has ended, and the look that shows it; report transitions meanwhile."""

        def settled(now: Snapshot) -> tuple[Ready | Failed, Snapshot] | None:
            judged = judge(services, base, now)
            return (judged, now) if isinstance(judged, Ready | Failed) else None

        reporting = anyio.CancelScope()
        with observer.subscribe() as seen:
            async with anyio.create_task_group() as group:
                group.start_soon(self._report_transitions, seen, reporting)
                base = await observer.refresh()
                self.session.reporter.snapshot(base)
                found = await observer.wait_for(settled)
                reporting.cancel()
        return found

    async def _report_transitions(self, seen: AsyncIterator[Transition | Missed], scope: anyio.CancelScope) -> None:
        with scope:
            async for transition in seen:
                if isinstance(transition, Transition):
                    self.session.reporter.transition(transition)

    async def _end_loop(self, error: RunClaudeError) -> None:
        """Stop a service that Docker would restart for ever; its container stays, with its log."""
        if error.facts.get("reason") == "looping":
            with suppress(RunClaudeError):  # the first error is the one to report
                await self._compose.stop([Service(str(error.facts["service"]))])

    async def _failure(self, failed: Failed, snapshot: Snapshot) -> RunClaudeError:
        service, state = failed.service, snapshot[failed.service]
        log, level = await evidence_of(self.session, service, snapshot, self.what)
        observer = await self.session.observe()
        events = [event for event in observer.recent if event.service is service]
        oom = any(event.action == "oom" for event in events)
        if state.exit_code is None:  # it runs again already: what it ended with is in the event alone
            codes = [event.exit_code for event in events if event.action == "die"]
            state = replace(state, exit_code=codes[-1] if codes else None)
        memory = await memory_of(self.session.api, state) if oom or state.oom_killed else {}
        error = service_failure(service, failed.reason, state, log, oom=oom, memory=memory, level=level)
        if error.code == "database-init-failed" and self.held is not None:
            volume = volume_name(self.session.settings)
            error.help = f"Keep the volume {volume}: it {self.held.words}."
            if not self.held.postgres:
                error.help = (
                    f"The volume {volume} held no database before this start. Remove what is left of the attempt:"
                    f" `docker rm -f {state.name}`, then `docker volume rm {volume}`."
                )
        return error

    async def _timeline(self, snapshot: Snapshot, begin_ns: int, built: tuple[int, int] | None) -> tuple[Span, ...]:
        if Service.LITELLM not in self.services:
            return ()
        markers = await marks_of(self.session, snapshot)
        return tuple(
            start_timeline(begin_ns=begin_ns, build=built, snapshot=snapshot, services=self.services, markers=markers)
        )

"""The steps of one start, from a look to a healthy stack, and why one did not get there."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

from run_claude.config.secrets import read_secrets
from run_claude.docker.inspect import PROJECT_LABEL
from run_claude.domain.diagnosis import MINIMUM_API, engine_too_old, first_failing_stage, service_failure, start_timeout
from run_claude.domain.lifecycle import Phase, Service, Snapshot, Transition
from run_claude.domain.readiness import Failed, Ready, judge
from run_claude.domain.timeline import Span, slowest, start_timeline
from run_claude.errors import RunClaudeError
from run_claude.stack.evidence import memory_of, probe_stages_of
from run_claude.stack.holders import name_holder
from run_claude.stack.preflight import check_volume
from run_claude.stack.started import Started
from run_claude.state import history

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from run_claude.deploy.plan import Prepared
    from run_claude.docker.compose import Compose
    from run_claude.docker.observer import Missed
    from run_claude.stack.session import Session

__all__ = ["Start", "tell_database"]


@dataclass(frozen=True, slots=True)
class Start:
    """One start of these services. Its caller holds the instance's lock."""

    session: Session
    prepared: Prepared
    services: tuple[Service, ...]
    timeout: float  # seconds from running to healthy

    async def run(self) -> Started:
        """Go through all the steps, and write into the history how it ended.

        :raises RunClaudeError: as :meth:`Stack.up <run_claude.stack.controller.Stack.up>` does
        """
        path, began = self.session.settings.paths.history_file, anyio.current_time()
        services = [service.value for service in self.services]
        try:
            started = await self._run()
        except RunClaudeError as error:
            history.append(path, "start-failed", {"services": services, "code": error.code, "message": error.message})
            raise
        facts: dict[str, object] = {"services": services, "seconds": round(anyio.current_time() - began, 3)}
        if (longest := slowest(started.spans)) is not None:
            facts |= {"slowest": longest.name, "slowest_seconds": round(longest.seconds, 3)}
        history.append(path, "started", facts)
        return started

    async def _run(self) -> Started:
        await self._check_engine()
        begin_ns = await self.session.api.time_ns()
        built = await self._build_if_missing(begin_ns) if Service.LITELLM in self.services else None
        before = await self.session.look()  # whoever held the lock may have changed it
        if Service.TIMESCALEDB in self.services and before.timescaledb.phase is Phase.ABSENT:
            await self._take_over_old_database()
        if Service.TIMESCALEDB in self.services:
            await check_volume(self.session.api, self.session.settings, before)
        await self._compose_up(before)
        try:
            snapshot = await self._until_healthy(self.services)
        except RunClaudeError as error:
            await self._end_loop(error)
            raise
        spans = await self._timeline(snapshot, begin_ns, built)
        return Started(snapshot=snapshot, services=self.services, prepared=self.prepared, already=False, spans=spans)

    # --- the image --------------------------------------------------------------------------------------------

    async def build(self, *, no_cache: bool = False) -> None:
        """Build the image, whatever there is.

        :raises BuildError: with the step that failed
        """
        reporter = self.session.reporter
        reporter.step("Building the image")
        compose = self._compose
        await compose.build(Service.LITELLM, no_cache=no_cache, on_line=reporter.line)
        with suppress(RunClaudeError):  # old images only take room
            await compose.prune_images()

    async def build_if_missing(self) -> bool:
        """Build the image unless it is there; return whether it was built.

        :raises BuildError: with the step that failed
        """
        if await self.session.api.image(self.prepared.image) is not None:
            return False
        await self.build()
        return True

    async def _build_if_missing(self, begin_ns: int) -> tuple[int, int] | None:
        return (begin_ns, await self.session.api.time_ns()) if await self.build_if_missing() else None

    # --- the containers ---------------------------------------------------------------------------------------

    @property
    def _compose(self) -> Compose:
        return self.session.compose(self.prepared)

    async def _check_engine(self) -> None:
        version = await self.session.api.version()
        if version < MINIMUM_API:
            raise engine_too_old(version)

    async def _take_over_old_database(self) -> None:
        """Take the database of the layout before over: its project had the volume's name, and our container's.

        Its containers and network go, its volume stays. The volume may know another password than `.env` has: the
        old layout wrote it unquoted, and Compose expanded what looked like a variable in it.
        """
        session = self.session
        instance = session.settings.instance
        old_project = f"{instance}-infra"
        raw = await session.api.container_named(f"{instance}-{Service.TIMESCALEDB}")
        if raw is None or (raw["Config"].get("Labels") or {}).get(PROJECT_LABEL) != old_project:
            return
        session.reporter.step("Taking over the database of the layout before")
        compose = self._compose
        await compose.release(old_project)
        await compose.up([Service.TIMESCALEDB])
        await self._until_healthy([Service.TIMESCALEDB])
        await tell_database(compose, read_secrets(session.settings).database_password)

    async def _compose_up(self, before: Snapshot) -> None:
        """Run `compose up`, and connect the observer meanwhile: its imports take as long as Compose does."""
        session = self.session
        session.reporter.step("Starting the containers")
        compose = self._compose
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(compose.up, self.services)
                await anyio.lowlevel.checkpoint()
                await session.observe()
        except* RunClaudeError as errors:
            error = errors.exceptions[0]
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            with anyio.CancelScope(shield=True):
                await self._remove_half_made(compose, before)
                raise await name_holder(error, session.api, session.settings) from error.__cause__

    async def _remove_half_made(self, compose: Compose, before: Snapshot) -> None:
        """Remove containers that a failed `up` has created and could not start."""
        try:
            now = await self.session.look()
            left = [
                service
                for service in self.services
                if now[service].phase is Phase.CREATED and now[service].id != before[service].id
            ]
            if left:
                await compose.remove(left)
        except RunClaudeError:
            return  # the first error is the one to tell

    # --- waiting ----------------------------------------------------------------------------------------------

    async def _until_healthy(self, services: Sequence[Service]) -> Snapshot:
        reporter = self.session.reporter
        reporter.step("Waiting until it is healthy")
        observer = await self.session.observe()
        verdict: Ready | Failed | None = None
        try:
            with anyio.fail_after(self.timeout), observer.subscribe() as seen:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._report_transitions, seen)
                    base = await observer.refresh()
                    reporter.snapshot(base)

                    def settled(now: Snapshot) -> Ready | Failed | None:
                        judged = judge(services, base, now)
                        return judged if isinstance(judged, Ready | Failed) else None

                    verdict = await observer.wait_for(settled)
                    group.cancel_scope.cancel()
        except TimeoutError as error:
            now = observer.snapshot or Snapshot()
            waiting = [(service, now[service]) for service in services if now[service].phase is not Phase.HEALTHY]
            first = waiting[0][0] if waiting else Service.LITELLM
            log, level = ((), ("", "")) if now.lost else await self._evidence(first, now)
            raise start_timeout(self.timeout, waiting, now.lost, log=log, level=level) from error
        snapshot = observer.snapshot or Snapshot()
        if isinstance(verdict, Failed):
            raise await self._failure(verdict, snapshot)
        return snapshot

    async def _report_transitions(self, seen: AsyncIterator[Transition | Missed]) -> None:
        async for transition in seen:
            if isinstance(transition, Transition):
                self.session.reporter.transition(transition)

    async def _end_loop(self, error: RunClaudeError) -> None:
        """Stop a service that Docker would restart for ever; its container stays, with its log."""
        if error.facts.get("reason") == "looping":
            with suppress(RunClaudeError):  # the first error is the one to tell
                await self._compose.stop([Service(str(error.facts["service"]))])

    async def _failure(self, failed: Failed, snapshot: Snapshot) -> RunClaudeError:
        service, state = failed.service, snapshot[failed.service]
        log, level = await self._evidence(service, snapshot)
        observer = await self.session.observe()
        events = [event for event in observer.recent if event.service is service]
        oom = any(event.action == "oom" for event in events)
        if state.exit_code is None:  # it runs again already: what it ended with is in the event alone
            codes = [event.exit_code for event in events if event.action == "die"]
            state = replace(state, exit_code=codes[-1] if codes else None)
        memory = await memory_of(self.session.api, state) if oom or state.oom_killed else {}
        return service_failure(service, failed.reason, state, log, oom=oom, memory=memory, level=level)

    async def _evidence(self, service: Service, snapshot: Snapshot) -> tuple[Sequence[str], tuple[str, str]]:
        """Return the last of a service's log, and of the proxy the first level that it does not reach."""
        log: Sequence[str] = ()
        with suppress(RunClaudeError):  # what has failed is the one to tell
            log = await self.session.log_tail(service, snapshot, lines=60)
        if service is not Service.LITELLM or snapshot.litellm.phase not in (Phase.STARTING, Phase.UNHEALTHY):
            return log, ("", "")
        stages = await probe_stages_of(self.session.settings, uses_database=self.prepared.database)
        return log, first_failing_stage(stages)

    async def _timeline(self, snapshot: Snapshot, begin_ns: int, built: tuple[int, int] | None) -> tuple[Span, ...]:
        if Service.LITELLM not in self.services:
            return ()
        markers = await (await self.session.stream()).markers(snapshot[Service.LITELLM].id, "run-claude: ")
        return tuple(
            start_timeline(begin_ns=begin_ns, build=built, snapshot=snapshot, services=self.services, markers=markers)
        )


async def tell_database(compose: Compose, password: str) -> None:
    """Give the running database this password: over the socket in its container it asks for none.

    The statement goes in by standard input, where no process list shows it.

    :raises DataError: if the database does not take it
    """
    statement = f"ALTER USER postgres PASSWORD $run_claude${password}$run_claude$;"
    await compose.feed(Service.TIMESCALEDB, ["psql", "-qU", "postgres", "-v", "ON_ERROR_STOP=1"], statement)

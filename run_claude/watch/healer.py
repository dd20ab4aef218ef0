"""What the watcher does to the stack: starts, restarts, looks into a container that Docker restarts again and again.

It starts what the last start has put on disk, whatever its own environment is: a systemd service lacks the keys that
a shell had.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from run_claude.domain.diagnosis import service_failure
from run_claude.domain.lifecycle import Phase, Service
from run_claude.errors import ConfigError, ConflictError, RunClaudeError, StartError
from run_claude.stack.evidence import log_of_service
from run_claude.stack.image import fetch
from run_claude.stack.start import Start
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.stack.takeover import set_database_password
from run_claude.state.deployed import deployed_database_password, load_deployment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from run_claude.domain.lifecycle import Snapshot
    from run_claude.stack.session import Session
    from run_claude.watch.own_stops import OwnStops

__all__ = ["Healer", "down_together", "is_recoverable"]

# Errors of a start that trying again may resolve, whatever ``retryable`` says: that is for a user, who can do more.
_RECOVERABLE = frozenset({"container-died", "container-looping", "container-not-started", "container-paused"})
_RECOVERABLE |= {"container-unhealthy", "container-removed", "out-of-memory", "start-timeout", "compose-failed"}
_ANSWERED = "/health/readiness answered"  # the health check (dep/litellm/healthcheck), where the proxy runs and is ill
_DOWN = (Phase.ABSENT, Phase.CREATED, Phase.EXITED)


def is_recoverable(error: RunClaudeError) -> bool:
    """Return whether trying again may help."""
    if isinstance(error, ConfigError | ConflictError):
        return False
    return error.retryable or error.code in _RECOVERABLE


def down_together(service: Service, wanted: Iterable[Service], snapshot: Snapshot) -> list[Service]:
    """Return the service and those that are wanted and down as well: their starts overlap."""
    down = {other for other in wanted if snapshot[other].phase in _DOWN}
    return [other for other in Service if other is service or other in down]


class Healer:
    """Acts on the stack, under the lock that the caller holds, and marks its stops as the watcher's own."""

    def __init__(self, session: Session, own_stops: OwnStops) -> None:
        self._session = session
        self._own_stops = own_stops

    async def fetch(self, services: Sequence[Service]) -> None:
        """Have the services' images.

        :raises RunClaudeError: with the cause, if one cannot be built or pulled
        """
        await fetch(self._session, load_deployment(self._session.settings.paths), services)

    async def start(self, services: Sequence[Service]) -> None:
        """Bring the services up and wait until they are healthy.

        :raises RunClaudeError: with the cause, if one does not get healthy
        """
        session = self._session
        begin_ns = await session.api.time_ns()
        deployment, before = load_deployment(session.settings.paths), await session.look()
        try:
            await Start(session, deployment, tuple(services), DEFAULT_TIMEOUT, before, command="watch").run()
        except StartError as error:
            if error.facts.get("reason") == "looping":  # such a start ends with a stop
                await self._own_stops.stopped(Service(str(error.facts["service"])), begin_ns)
            raise

    async def restart(self, service: Service) -> None:
        """Stop the service and :meth:`start` it; a password that the database has lost is given to it before.

        A proxy that serves and loses its database answers its health check so. Its log may say anything.

        :raises RunClaudeError: with the cause, if it does not get healthy
        """
        if service is Service.LITELLM:
            snapshot = await self._session.look()
            uses_database = load_deployment(self._session.settings.paths).database
            if uses_database and snapshot.litellm.health_output.startswith(_ANSWERED):
                with suppress(RunClaudeError):  # then the start tells what is wrong
                    await self._give_password(snapshot)
        await self._stop(service)
        await self.start([service])

    async def diagnose(self, service: Service, snapshot: Snapshot) -> RunClaudeError:
        """Find out why Docker restarts a container again and again; return the cause if another restart may remove it.

        :raises RunClaudeError: the cause, if none will; the container is stopped then
        """
        error = await self._cause(service, "looping", snapshot)
        if not is_recoverable(error) and not (
            error.code == "database-password" and await self._give_password(snapshot)
        ):
            await self._stop(service)
            raise error
        return error

    async def _cause(self, service: Service, reason: str, snapshot: Snapshot) -> RunClaudeError:
        state = snapshot[service]
        log = await log_of_service(self._session, service, snapshot)
        return service_failure(service, reason, state, log, oom=state.oom_killed)

    async def _give_password(self, snapshot: Snapshot) -> bool:
        """Give the database the password that the proxy has; return whether it is there to take it.

        It is the one of the deployment: giving it to a database that has it changes nothing.
        """
        if snapshot.timescaledb.phase is not Phase.HEALTHY:
            return False
        paths = self._session.settings.paths
        compose = self._session.compose(load_deployment(paths).project)
        await set_database_password(compose, deployed_database_password(paths))
        return True

    async def _stop(self, service: Service) -> None:
        async with self._own_stops.stopping(service):
            project = load_deployment(self._session.settings.paths).project
            await self._session.compose(project).stop([service])

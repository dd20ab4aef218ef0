"""What a start has in common with all that starts again: what is wanted, what is planned, what would change."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from run_claude.deploy.initialize import is_initialized
from run_claude.deploy.plan import Plan, plan
from run_claude.deploy.routing import default_profile, set_default_profile
from run_claude.domain.lifecycle import Phase
from run_claude.errors import RunClaudeError
from run_claude.stack.delivery import deliver_changes, has_changes
from run_claude.stack.drift import drift
from run_claude.stack.fitness import check_engine
from run_claude.stack.started import Started
from run_claude.stack.status import services_of
from run_claude.state.intent import save_intent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.config.settings import Settings
    from run_claude.domain.lifecycle import Service, Snapshot
    from run_claude.stack.session import Session

__all__ = ["Up"]


class Up:
    """Starts what is planned, on a session. It imports no start: a stack that is healthy needs none."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def _settings(self) -> Settings:
        return self._session.settings  # another command may have said something since: Session.refresh

    def with_database(self, said: bool | None = None) -> bool:
        """Return whether the database is wanted: as is said now, else as was said last, else yes."""
        intent = self._session.intent()
        return said if said is not None else intent.database if intent else True

    async def plan_if_initialized(self, profile: str | None, database: bool) -> Plan | None:
        """Return the plan, without writing anything; ``None`` where something has to be made first.

        :raises ConfigError: if the user's files cannot be used
        """
        if not is_initialized(self._settings):
            return None
        return await anyio.to_thread.run_sync(lambda: plan(self._settings, profile=profile, database=database))

    async def plan(self, profile: str | None, database: bool) -> Plan:
        """Return the plan, and make what it needs. Hold the lock.

        :raises ConfigError: if the user's files cannot be used
        """
        from run_claude.deploy.prepare import initialized_plan

        return await anyio.to_thread.run_sync(
            lambda: initialized_plan(self._settings, profile=profile, database=database)
        )

    def is_settled(self, planned: Plan, snapshot: Snapshot, database: bool, *, for_all: bool) -> bool:
        """Whether a start would change nothing, remember nothing, and no command is at work or was cut short."""
        session = self._session
        if session.busy() or session.unfinished() is not None or has_changes(session):
            return False
        told = not for_all or default_profile(self._settings.paths) == planned.profile.name
        intent, wanted = session.intent(), ("up", database, planned.profile.name, self._settings.said)
        remembered = intent and (intent.wanted, intent.database, intent.profile, intent.said) == wanted
        return bool(told and remembered and self._is_up(planned, snapshot, services_of(database)))

    def already(self, planned: Plan, snapshot: Snapshot, database: bool) -> Started:
        """Return what a start returns that had nothing to do."""
        self._report_notes(planned)
        return Started(snapshot=snapshot, services=services_of(database), profile=planned.profile, already=True)

    async def start(
        self,
        planned: Plan,
        before: Snapshot,
        database: bool,
        timeout: float,  # noqa: ASYNC109 (as in Stack.up)
        *,
        command: str = "proxy start",
        anew: bool = False,
        for_all: bool = True,
    ) -> Started:
        """Start what is planned, unless that would change nothing. Hold the lock.

        :param anew: also if it would change nothing
        :raises RunClaudeError: as :meth:`Stack.up <run_claude.stack.controller.Stack.up>` does
        """
        session, services, last = self._session, services_of(database), self._session.intent()
        await check_engine(session)
        served = default_profile(self._settings.paths)
        session.intend_up(database=database, profile=planned.profile.name)
        if for_all or not before.healthy(services) or not served:
            set_default_profile(self._settings, planned.profile.name)
        left = session.unfinished()
        if not anew and not (left and left.password) and self._is_up(planned, before, services):
            session.finish()
            await deliver_changes(session)
            return self.already(planned, before, database)
        self._report_notes(planned)
        if changed := drift(self._settings, planned, before, services):
            session.reporter.note(f"What has changed since the last start: {'; '.join(changed)}.")
        from run_claude.stack.replacement import start_plan  # with all that it needs: not for what is healthy already

        try:
            done = await start_plan(session, planned, services, timeout, before, command=command, anew=anew)
        except RunClaudeError:
            if last is not None and any(before[service].phase is Phase.HEALTHY for service in services):
                save_intent(self._settings.paths.intent_file, last)  # what runs is what was wanted before
                set_default_profile(self._settings, served or last.profile)
                with suppress(RunClaudeError):  # the first error is the one to report
                    await deliver_changes(session)
            raise
        return Started(
            snapshot=done.snapshot, services=services, profile=planned.profile, already=False, spans=done.spans
        )

    def _is_up(self, planned: Plan, snapshot: Snapshot, services: Sequence[Service]) -> bool:
        """Whether a start would change nothing."""
        return snapshot.healthy(services) and not drift(self._settings, planned, snapshot, services)

    def _report_notes(self, planned: Plan) -> None:
        for note in planned.notes:
            self._session.reporter.note(note)

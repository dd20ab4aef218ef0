"""What the checks share: the session, and one look at the engine, taken by the first check that needs it."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from run_claude.config.paths import DEFAULT_INSTANCE, Paths
from run_claude.config.settings import Settings, load_settings
from run_claude.deploy.plan import Plan, plan
from run_claude.docker.endpoint import Endpoint, resolve_endpoint
from run_claude.doctor.findings import failed
from run_claude.errors import ConfigError, RunClaudeError
from run_claude.stack.session import Session
from run_claude.state.deployed import is_deployed
from run_claude.state.instance import as_remembered
from run_claude.state.intent import Intent, load_intent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from run_claude.docker.api import EngineApi
    from run_claude.docker.inspect import Json
    from run_claude.doctor.findings import Finding
    from run_claude.domain.lifecycle import Snapshot

__all__ = ["Context", "lenient_settings"]


class Context:
    """One instance, for the checks. Open with :meth:`open`; the engine is asked only when a check needs it."""

    def __init__(self, settings: Settings, session: Session | None, broken: RunClaudeError | None) -> None:
        self.settings = settings
        self.intent: Intent | None = load_intent(settings.paths.intent_file)[0]
        self._session = session
        self._asking = anyio.Lock()
        self._broken = broken
        self._seen: tuple[Json, Snapshot] | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Context]:
        """Yield a context; its session ends with it. An endpoint that cannot be resolved is a finding, not an error."""
        async with AsyncExitStack() as exits:
            session, broken = None, None
            try:
                session = await exits.enter_async_context(Session.open(settings))
            except RunClaudeError as error:
                broken = error
            yield cls(settings, session, broken)

    @property
    def session(self) -> Session:
        """The session of the instance.

        :raises EngineError: if the endpoint cannot be resolved
        """
        if self._session is None:
            assert self._broken is not None  # noqa: S101 (see open)
            raise self._broken
        return self._session

    @property
    def endpoint(self) -> Endpoint:
        """The engine's endpoint, also where it is refused.

        :raises EngineError: if it cannot be resolved
        """
        return resolve_endpoint(self.settings.environ) if self._session is None else self._session.endpoint

    async def api(self) -> EngineApi:
        """Return the connection to an engine that answers.

        :raises EngineError: if it does not answer; every check gets the same error
        """
        await self._answer()
        return self.session.api

    async def _answer(self) -> tuple[Json, Snapshot]:
        async with self._asking:
            if self._broken is not None:
                raise self._broken
            if self._seen is None:
                try:
                    self._seen = await self.session.api.info(), await self.session.look()
                except RunClaudeError as error:
                    self._broken = error
                    raise
            return self._seen

    async def reachable(self) -> bool:
        """Return whether the engine answers. If not, its own check says why, and the others are skipped."""
        try:
            await self.api()
        except RunClaudeError:
            return False
        return True

    async def info(self) -> Json:
        """Return what the engine says about itself.

        :raises EngineError: if it does not answer
        """
        return (await self._answer())[0]

    async def snapshot(self) -> Snapshot:
        """Return the state of the containers, as they were when the engine was first asked.

        :raises EngineError: if the engine does not answer
        """
        return (await self._answer())[1]

    @property
    def wanted(self) -> bool:
        """Whether the user wants the stack to run."""
        return self.intent is not None and self.intent.wanted == "up"

    @property
    def database(self) -> bool:
        """Whether the user wants the database to run, too."""
        return self.intent.database if self.intent else True

    def plan(self) -> Plan | None:
        """Return what a start would start; ``None`` before the first start.

        :raises ConfigError: if the user's files cannot be used
        """
        if not is_deployed(self.settings.paths):
            return None
        return plan(self.settings, profile=None, database=self.database)


def lenient_settings(environ: Mapping[str, str], instance: str | None) -> tuple[Settings, list[Finding]]:
    """Return the settings. If they are invalid, return the defaults, and a finding that says what is wrong.

    :raises ConfigError: if the folders cannot be determined
    :raises UsageError: if the name of the instance is invalid
    """
    try:
        return as_remembered(load_settings(environ, instance=instance)), []
    except ConfigError as error:
        name = instance or DEFAULT_INSTANCE
        settings = Settings(instance=name, paths=Paths.resolve(environ, name), environ=environ)
        return settings, [failed("settings", error)]

"""What the checks share: one connection to the engine and one look at it, made by whichever check needs it first."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from run_claude.config.paths import DEFAULT_INSTANCE, Paths
from run_claude.config.settings import Settings, load_settings
from run_claude.deploy.plan import Prepared, plan
from run_claude.docker.api import EngineApi
from run_claude.docker.endpoint import Endpoint, resolve_endpoint
from run_claude.doctor.findings import failed
from run_claude.errors import ConfigError, RunClaudeError
from run_claude.state.intent import Intent, load_intent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Self

    from run_claude.docker.inspect import Json
    from run_claude.doctor.findings import Finding
    from run_claude.domain.lifecycle import Snapshot

__all__ = ["Context", "lenient_settings"]


class Context:
    """One instance, for the checks. Open with :meth:`open`; the engine is asked only when a check needs it."""

    def __init__(self, settings: Settings, exits: AsyncExitStack) -> None:
        self.settings = settings
        self.intent: Intent | None = load_intent(settings.paths.intent_file)[0]
        self._exits = exits
        self._connecting = anyio.Lock()
        self._api: EngineApi | None = None
        self._broken: RunClaudeError | None = None
        self._snapshot: Snapshot | None = None
        self._info: Json | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Self]:
        """Yield a context; its connection to the engine is closed at the end."""
        async with AsyncExitStack() as exits:
            yield cls(settings, exits)

    @property
    def endpoint(self) -> Endpoint:
        """The engine's endpoint.

        :raises EngineError: if it cannot be resolved
        """
        return resolve_endpoint(self.settings.environ)

    async def api(self) -> EngineApi:
        """Return the connection to an engine that answers.

        :raises EngineError: if it does not answer; every check gets the same error
        """
        async with self._connecting:
            if self._broken is not None:
                raise self._broken
            if self._api is None:
                try:
                    api = await self._exits.enter_async_context(EngineApi.connect(self.endpoint))
                    self._info = await api.info()
                    self._snapshot = await api.look(self.settings.instance)
                    self._api = api
                except RunClaudeError as error:
                    self._broken = error
                    raise
            return self._api

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
        await self.api()
        assert self._info is not None  # noqa: S101 (api() has filled it)
        return self._info

    async def snapshot(self) -> Snapshot:
        """Return the state of the containers, as they were when the engine was first asked.

        :raises EngineError: if the engine does not answer
        """
        await self.api()
        assert self._snapshot is not None  # noqa: S101 (as above)
        return self._snapshot

    @property
    def wanted(self) -> bool:
        """Whether the user wants the stack to run."""
        return self.intent is not None and self.intent.wanted == "up"

    @property
    def database(self) -> bool:
        """Whether the user wants the database to run, too."""
        return self.intent.database if self.intent else True

    def plan(self) -> Prepared | None:
        """Return what a start would start; ``None`` before the first start.

        :raises ConfigError: if the user's files cannot be used
        """
        if not self.settings.paths.compose_env_file.exists():
            return None
        return plan(self.settings, profile=None, database=self.database)


def lenient_settings(environ: Mapping[str, str], instance: str | None) -> tuple[Settings, list[Finding]]:
    """Return the settings. If they are invalid, return the defaults, and a finding that says what is wrong.

    :raises ConfigError: if the folders cannot be determined
    :raises UsageError: if the name of the instance is invalid
    """
    try:
        return load_settings(environ, instance=instance), []
    except ConfigError as error:
        name = instance or DEFAULT_INSTANCE
        settings = Settings(instance=name, paths=Paths.resolve(environ, name), environ=environ)
        return settings, [failed("settings", error)]

"""What the checks share: the engine's connection and one look, made once, whoever asks first."""

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
    """One instance, as the checks look at it. Open with :meth:`open`; nothing is asked before a check asks."""

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
        """Yield it; the engine's connection ends with it."""
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

        :raises EngineError: if it does not; the same error for everyone, found out once
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
        """Whether the engine answers: the check of the engine says why not, and the others are passed over."""
        try:
            await self.api()
        except RunClaudeError:
            return False
        return True

    async def info(self) -> Json:
        """Return what the engine says of itself.

        :raises EngineError: if it does not answer
        """
        await self.api()
        assert self._info is not None  # noqa: S101 (api() has filled it)
        return self._info

    async def snapshot(self) -> Snapshot:
        """Return one look at the containers.

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
        """Whether the database belongs to what is wanted."""
        return self.intent.database if self.intent else True

    def plan(self) -> Prepared | None:
        """Return what a start would start; ``None`` before the first one.

        :raises ConfigError: if the user's files cannot be used
        """
        if not self.settings.paths.compose_env_file.exists():
            return None
        return plan(self.settings, profile=None, database=self.database)


def lenient_settings(environ: Mapping[str, str], instance: str | None) -> tuple[Settings, list[Finding]]:
    """Return the settings; where they cannot be used, the defaults and what is wrong with the user's own.

    :raises ConfigError: if not even the folders are known
    :raises UsageError: if the instance's name cannot be used
    """
    try:
        return load_settings(environ, instance=instance), []
    except ConfigError as error:
        name = instance or DEFAULT_INSTANCE
        settings = Settings(instance=name, paths=Paths.resolve(environ, name), environ=environ)
        return settings, [failed("settings", error)]

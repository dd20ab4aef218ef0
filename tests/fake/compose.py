"""A fake Compose that acts on the fake engine as it is told: every verb of the real one, in microseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from run_claude.docker.inspect import CONFIG_HASH_LABEL, INPUTS_LABEL
from run_claude.domain.lifecycle import Phase, Service
from run_claude.domain.remembered import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from run_claude.domain.compose import Project
    from run_claude.errors import RunClaudeError
    from run_claude.stack.session import Session

    from .engine import Container, FakeEngine

__all__ = ["FakeCompose", "gets_healthy"]


def gets_healthy(container: Container) -> None:
    """Start and become healthy, as most containers do."""
    container.starts()
    container.turns(Phase.HEALTHY)


class FakeCompose:
    """Compose for one project of the fake engine.

    ``up_makes`` says what becomes of a service's container in ``up``, by default :func:`gets_healthy`; ``fails`` which
    verb raises what, after its effect; ``hangs`` which verbs never return; ``kills`` in which the command dies, once.
    """

    def __init__(self, engine: FakeEngine, name: str) -> None:
        self._engine = engine
        self._name = name
        self.project: Project | None = None  # the one it was last made for
        self.calls: list[tuple[str, ...]] = []
        self.up_makes: dict[Service, Callable[[Container], None]] = {}
        self.fails: dict[str, RunClaudeError] = {}
        self.hangs: set[str] = set()
        self.kills: dict[str, BaseException] = {}
        self.on_kill: Callable[[], None] = lambda: None
        self.ran: tuple[int, list[str]] = (0, [])  # how a command in a container of its own ends
        self.changed: set[Service] = set()  # what `up` would recreate

    def __call__(self, session: Session, project: Project) -> FakeCompose:
        """Be what a session makes its Compose with."""
        self.project = project
        return self

    def of(self, verb: str) -> list[tuple[str, ...]]:
        """Return the arguments of each call of a verb."""
        return [call[1:] for call in self.calls if call[0] == verb]

    async def up(self, services: Sequence[Service]) -> None:
        """Create what is not there, and let it become what it is to become."""
        for service in services:
            container = self._found(service)
            definition = f"{service} {sorted(self.project.variables.items())}" if self.project is not None else ""
            if container is not None and container.labels.get(CONFIG_HASH_LABEL, definition) != definition:
                container.goes()
                container = None
            container = container or self._engine.container(service, Phase.CREATED, project=self._name)
            if self.project is not None:
                variables = self.project.variables
                container.labels[INPUTS_LABEL] = variables.get("RUN_CLAUDE_LITELLM_INPUTS", "")
                container.labels[CONFIG_HASH_LABEL] = definition
                container.image = variables.get(f"RUN_CLAUDE_{service.upper()}_IMAGE", "")
                port = variables.get(VARIABLES["port" if service is Service.LITELLM else "database_port"], "")
                container.published = f"{variables.get('RUN_CLAUDE_BIND', '')}:{port}" if port else ""
            if container.phase is not Phase.HEALTHY:
                self.up_makes.get(service, gets_healthy)(container)
        await self._done("up", *services)

    async def stop(self, services: Sequence[Service]) -> None:
        """Stop what runs, as `docker stop` does."""
        for service in services:
            if (container := self._found(service)) is not None and container.phase is not Phase.EXITED:
                container.becomes(Phase.EXITED, exit=0)
                for action in ("kill", "die", "stop"):
                    container.says(action)
        await self._done("stop", *services)

    async def remove(self, services: Sequence[Service]) -> None:
        """Remove the containers."""
        for service in services:
            if (container := self._found(service)) is not None:
                container.goes()
        await self._done("remove", *services)

    async def down(self, project: str = "") -> None:
        """Remove every container of the project."""
        for container in [row for row in self._engine.containers if row.project == (project or self._name)]:
            container.goes()
        await self._done("down", project)

    async def is_current(self, service: Service, config_hash: str) -> bool:
        """Return what the test says."""
        await self._done("is_current", service)
        return service not in self.changed

    async def build(
        self, service: Service, *, no_cache: bool = False, on_line: Callable[[str], None] | None = None
    ) -> None:
        """Have the image that the project names."""
        if self.project is not None:
            self._engine.images.add(self.project.variables.get("RUN_CLAUDE_LITELLM_IMAGE", ""))
        await self._done("build", service)

    async def pull(self, services: Sequence[Service], *, on_line: Callable[[str], None] | None = None) -> None:
        """Have the database's image that the project names."""
        if self.project is not None:
            self._engine.images.add(self.project.variables.get("RUN_CLAUDE_TIMESCALEDB_IMAGE", ""))
        await self._done("pull", *services)

    async def feed(self, service: Service, command: Sequence[str], text: str) -> None:
        """Take what is fed."""
        await self._done("feed", service, text)

    async def run(self, service: Service, command: Sequence[str], *, text: str = "") -> tuple[int, list[str]]:
        """End as the test says."""
        await self._done("run", service, *command)
        return self.ran

    async def logs(
        self, services: Sequence[Service], *, tail: int, follow: bool, on_line: Callable[[str], None]
    ) -> None:
        """Hand over what the containers have printed."""
        for service in services:
            container = self._found(service)
            for line in container.log if container is not None else ():
                on_line(line)
        await self._done("logs", *services)

    async def remove_volume(self, name: str) -> None:
        """Take note."""
        await self._done("remove_volume", name)

    def _found(self, service: Service) -> Container | None:
        ours = (row for row in self._engine.containers if row.project == self._name)
        return next((row for row in ours if row.service is service), None)

    async def _done(self, verb: str, *arguments: str) -> None:
        self.calls.append((verb, *map(str, arguments)))
        await anyio.lowlevel.checkpoint()
        if verb in self.kills:
            self.on_kill()
            raise self.kills.pop(verb)
        if verb in self.hangs:
            await anyio.sleep_forever()
        if verb in self.fails:
            raise self.fails[verb]

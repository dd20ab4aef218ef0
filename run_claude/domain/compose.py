"""What Compose is asked to do: a project, and the verbs that act on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from run_claude.domain.lifecycle import Service

__all__ = ["COMPOSE_FILE", "Compose", "Project"]

COMPOSE_FILE = "docker-compose.yaml"
# What a variable that is set adds: the user's own callbacks folder, the database's port.
_ADDED = {
    "RUN_CLAUDE_CALLBACKS": "docker-compose.callbacks.yaml",
    "RUN_CLAUDE_TIMESCALEDB_PORT": "docker-compose.port.yaml",
}


@dataclass(frozen=True, slots=True)
class Project:
    """The compose files, the project's own first, and the variables that they are rendered with."""

    files: tuple[Path, ...]
    variables: Mapping[str, str]

    @classmethod
    def of(cls, services: Path, variables: Mapping[str, str]) -> Project:
        """Return the project in a services folder: its own compose file, and those that the variables add."""
        added = (file for name, file in _ADDED.items() if variables.get(name))
        return cls(tuple(services / name for name in (COMPOSE_FILE, *added)), variables)


class Compose(Protocol):
    """`docker compose` for one project. Each method raises a ``RunClaudeError`` with the cause if Compose fails."""

    async def up(self, services: Sequence[Service]) -> None:
        """Create and start the services; return when they run, not when they are healthy."""

    async def stop(self, services: Sequence[Service]) -> None:
        """Stop the services, the proxy before its database; their containers stay."""

    async def remove(self, services: Sequence[Service]) -> None:
        """Remove the services' containers, running ones as well; volumes stay."""

    async def down(self, project: str = "") -> None:
        """Stop as :meth:`stop` does, and remove containers and network, by default of this project; volumes stay."""

    async def is_current(self, service: Service, config_hash: str) -> bool:
        """Return whether `up` would keep a container of the service with this hash of its definition."""

    async def build(
        self, service: Service, *, no_cache: bool = False, on_line: Callable[[str], None] | None = None
    ) -> None:
        """Build the image of a service, and remove old ones that no container uses."""

    async def pull(self, services: Sequence[Service], *, on_line: Callable[[str], None] | None = None) -> None:
        """Pull the images of the services."""

    async def feed(self, service: Service, command: Sequence[str], text: str) -> None:
        """Run a command in a service's container with ``text`` as its standard input."""

    async def run(self, service: Service, command: Sequence[str], *, text: str = "") -> tuple[int, list[str]]:
        """Run a command in a container of its own, of the service's image, with ``text`` as its standard input.

        Return its exit code and what it printed.
        """

    async def logs(
        self, services: Sequence[Service], *, tail: int, follow: bool, on_line: Callable[[str], None]
    ) -> None:
        """Hand over the last lines that the services have printed; with ``follow`` each new one as well."""

    async def remove_volume(self, name: str) -> None:
        """Remove a volume and the data in it; a missing one is no error."""

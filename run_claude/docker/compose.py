"""`docker compose`, as async subprocesses."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from run_claude.docker.process import Completed, run
from run_claude.domain.diagnosis import compose_failure
from run_claude.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from run_claude.docker.endpoint import Endpoint
    from run_claude.domain.lifecycle import Service

__all__ = ["Compose"]

IMAGE_LABEL = "run-claude.image=litellm"  # each image that the Dockerfile of ours makes has it


@dataclass(frozen=True, slots=True)
class Compose:
    """One Compose project at one engine.

    :param project: the project name, which is the instance name
    :param directory: the services folder: project directory and build context
    :param env_file: the variables of the compose file; paths and names, never a secret's value
    :param files: compose files, the first one the project's own
    :param on_command: told of each command line before it runs
    """

    endpoint: Endpoint
    project: str
    directory: Path
    env_file: Path
    files: tuple[Path, ...]
    variables: frozenset[str] = frozenset()
    on_command: Callable[[Sequence[str]], None] = field(default=lambda argv: None)

    def argv(self, *arguments: str) -> list[str]:
        """Return the command line of a Compose command, for us or for the user's shell."""
        files = [word for path in self.files for word in ("--file", str(path))]
        return [
            *("docker", "compose", *files),
            *("--project-name", self.project, "--project-directory", str(self.directory)),
            *("--env-file", str(self.env_file), *arguments),
        ]

    def environment(self) -> dict[str, str]:
        """Return the process environment for Compose.

        The shell's variables win over ``--env-file`` in Compose; what we have settled there must not be
        settled differently by a variable that happens to be set, nor by ``COMPOSE_FILE`` and its kin.
        """
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in self.variables and not name.startswith(("COMPOSE_", "RUN_CLAUDE_", "DOCKER_"))
        }
        for name in ("DOCKER_CONFIG", "DOCKER_BUILDKIT"):
            if name in os.environ:
                kept[name] = os.environ[name]
        return kept | self.endpoint.environment()

    async def up(self, services: Sequence[Service], *, on_line: Callable[[str], None] | None = None) -> None:
        """Create and start the services; returns when they run, not when they are healthy.

        :raises RunClaudeError: with the cause, if Compose fails
        """
        await self._do("up", "up", "--detach", "--no-build", "--no-deps", *services, on_line=on_line)

    async def stop(self, services: Sequence[Service], *, on_line: Callable[[str], None] | None = None) -> None:
        """Stop the services; their containers stay.

        :raises RunClaudeError: with the cause, if Compose fails
        """
        await self._do("stop", "stop", *services, on_line=on_line)

    async def down(self, *, on_line: Callable[[str], None] | None = None) -> None:
        """Remove the containers and the network; volumes stay.

        :raises RunClaudeError: with the cause, if Compose fails
        """
        await self._do("down", "down", on_line=on_line)

    async def release(self, project: str) -> None:
        """Remove the containers and the network of another project, by its labels alone; volumes stay.

        :raises RunClaudeError: with the cause, if Compose fails
        """
        argv = ["docker", "compose", "--project-name", project, "down"]
        self.on_command(argv)
        # Not in the services folder: Compose would take its compose file for the other project's.
        done = await run(argv, env=self.environment(), cwd=self.env_file.parent)
        if done.returncode != 0:
            raise compose_failure("down", done.returncode, done.stderr)

    async def remove_volume(self, name: str) -> None:
        """Remove a volume, and with it the data in it; it is no error if there is none.

        :raises RunClaudeError: with the cause, if it fails
        """
        argv = ["docker", "volume", "rm", "--force", name]
        self.on_command(argv)
        done = await run(argv, env=self.environment())
        if done.returncode != 0:
            raise compose_failure("volume rm", done.returncode, done.stderr)

    async def prune_images(self, label: str = IMAGE_LABEL) -> None:
        """Remove images of ours that no container uses and that are older than a day. Nobody else's are touched.

        :param label: by which ours are known
        :raises RunClaudeError: with the cause, if it fails
        """
        filters = ["--filter", f"label={label}", "--filter", "until=24h"]
        argv = ["docker", "image", "prune", "--all", "--force", *filters]
        self.on_command(argv)
        done = await run(argv, env=self.environment())
        if done.returncode != 0:
            raise compose_failure("image prune", done.returncode, done.stderr)

    async def remove(self, services: Sequence[Service]) -> None:
        """Remove the services' containers, also running ones; volumes stay.

        :raises RunClaudeError: with the cause, if Compose fails
        """
        await self._do("rm", "rm", "--stop", "--force", *services)

    async def logs(
        self, services: Sequence[Service], *, tail: int, follow: bool, on_line: Callable[[str], None]
    ) -> None:
        """Hand over the last lines that the services have printed; with ``follow`` until cancelled or they end.

        :raises RunClaudeError: with the cause, if Compose fails
        """
        options = ["--no-color", "--tail", str(tail), *(["--follow"] if follow else [])]
        prefix = [] if len(services) > 1 else ["--no-log-prefix"]
        await self._do("logs", "logs", *options, *prefix, *services, on_line=on_line)

    async def feed(self, service: Service, command: Sequence[str], text: str) -> None:
        """Run a command in a service's container with ``text`` as its standard input: for what no argv may hold.

        :raises RunClaudeError: with the cause, if it fails
        """
        await self._do("exec", "exec", "--no-TTY", service, *command, text=text)

    async def build(
        self, service: Service, *, no_cache: bool = False, on_line: Callable[[str], None] | None = None
    ) -> None:
        """Build the image of a service.

        :raises BuildError: with the step that failed and its last lines
        """
        arguments = ["build", *(["--no-cache"] if no_cache else []), service]
        await self._do(f"build {service}", "--progress", "plain", *arguments, on_line=on_line)

    async def _do(
        self, name: str, *arguments: str, on_line: Callable[[str], None] | None = None, text: str = ""
    ) -> Completed:
        argv = self.argv(*arguments)
        self.on_command(argv)
        try:
            done = await run(argv, env=self.environment(), cwd=self.directory, on_line=on_line, text=text)
        except FileNotFoundError as error:
            raise EngineError(
                "There is no docker command.",
                help="Install Docker Engine 25 or newer with Compose v2 (`scripts/engine` does on Debian).",
                code="docker-cli-missing",
            ) from error
        if done.returncode != 0:
            raise compose_failure(name, done.returncode, done.stderr)
        return done

"""Run `docker compose` as async subprocesses."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from run_claude.docker.process import Completed, run
from run_claude.domain.causes import caused
from run_claude.domain.diagnosis import compose_failure
from run_claude.domain.lifecycle import Service
from run_claude.errors import RunClaudeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from run_claude.docker.endpoint import Endpoint
    from run_claude.domain.compose import Project

__all__ = ["DockerCompose"]

_STOP_ORDER = (Service.LITELLM, Service.TIMESCALEDB)
IMAGE_LABEL = "run-claude.image=litellm"  # set by our Dockerfile


@dataclass(frozen=True, slots=True)
class DockerCompose:
    """One Compose project on one engine: the docker command behind :class:`~run_claude.domain.compose.Compose`.

    :param name: the project name, which is the instance's name
    :param directory: the services folder: project directory and build context
    :param env_file: the variables of the compose file: paths and names, never a secret
    :param environ: the process environment of the docker command
    :param on_command: called with each command line before it runs
    """

    endpoint: Endpoint
    project: Project
    name: str
    directory: Path
    env_file: Path
    environ: Mapping[str, str]
    on_command: Callable[[Sequence[str]], None] = field(default=lambda argv: None)

    def argv(self, *arguments: str) -> list[str]:
        """Return the full command line of a Compose command, which also works in the user's shell."""
        files = [word for path in self.project.files for word in ("--file", str(path))]
        return [
            *("docker", "compose", *files),
            *("--project-name", self.name, "--project-directory", str(self.directory)),
            *("--env-file", str(self.env_file), *arguments),
        ]

    def environment(self) -> dict[str, str]:
        """Return the process environment for Compose.

        In Compose, the shell's variables win over ``--env-file``. What the file sets must not be changed by a variable
        that happens to be set in the shell, nor by ``COMPOSE_FILE`` and the like.
        """
        kept = {
            name: value
            for name, value in self.environ.items()
            if name not in self.project.variables and not name.startswith(("COMPOSE_", "RUN_CLAUDE_", "DOCKER_"))
        }
        if "DOCKER_CONFIG" in self.environ:
            kept["DOCKER_CONFIG"] = self.environ["DOCKER_CONFIG"]
        return kept | self.endpoint.environment() | self._building()

    def _building(self) -> dict[str, str]:
        """Return the variables of a build: by the engine's own BuildKit, which the Dockerfile needs.

        Another builder that the user has selected (``docker buildx use``) sees no image of this engine: a base that was
        made or loaded here would be looked for in a registry. The engine's own has the name of its context.
        """
        environment = self.endpoint.environment()
        return {"DOCKER_BUILDKIT": "1", "BUILDX_BUILDER": environment.get("DOCKER_CONTEXT", "default")}

    async def up(self, services: Sequence[Service]) -> None:
        """Create and start the services. Returns when they run, not when they are healthy.

        :raises RunClaudeError: with the cause, if Compose fails
        """
        arguments = ("up", "--detach", "--no-build", "--no-deps")
        try:
            await self._do("up", *arguments, *services)
        except RunClaudeError as error:
            if error.code != "network-removed":
                raise
            # `docker network prune` takes the network of stopped containers, and Compose would start them as they are.
            await self._do("up", *arguments, "--force-recreate", *services)

    async def stop(self, services: Sequence[Service]) -> None:
        """Stop the services, the proxy before its database; their containers stay.

        LiteLLM writes what it knows of the last seconds' requests when it stops, and needs the database for it. Compose
        would do that by `depends_on`, which also starts one container after the other: 0.6 to 1.2 s later, measured.

        :raises RunClaudeError: with the cause, if Compose fails
        """
        for service in _STOP_ORDER:
            if service in services:
                await self._do("stop", "stop", service)

    async def down(self, project: str = "") -> None:
        """Remove the containers and the network; volumes stay. Stops as :meth:`stop` does.

        :param project: another project's name, which is found by its labels alone
        :raises RunClaudeError: with the cause, if Compose fails
        """
        if not project:
            await self.stop(_STOP_ORDER)
            await self._do("down", "down")
            return
        argv = ["docker", "compose", "--project-name", project, "down"]
        self.on_command(argv)
        # Not from the services folder: Compose would apply its compose file to the other project.
        done = await run(argv, env=self.environment(), cwd=self.env_file.parent)
        if done.returncode != 0:
            raise compose_failure("down", done.returncode, done.stderr)

    async def remove_volume(self, name: str) -> None:
        """Remove a volume and the data in it. A volume that does not exist is no error.

        :raises RunClaudeError: with the cause, if it fails
        """
        argv = ["docker", "volume", "rm", "--force", name]
        self.on_command(argv)
        done = await run(argv, env=self.environment())
        if done.returncode != 0:
            raise compose_failure("volume rm", done.returncode, done.stderr)

    async def prune_images(self, label: str = IMAGE_LABEL) -> None:
        """Remove our images that are older than a day and that no container uses.

        :param label: the label that marks our images; others are not touched
        :raises RunClaudeError: with the cause, if it fails
        """
        filters = ["--filter", f"label={label}", "--filter", "until=24h"]
        argv = ["docker", "image", "prune", "--all", "--force", *filters]
        self.on_command(argv)
        done = await run(argv, env=self.environment())
        if done.returncode != 0:
            raise compose_failure("image prune", done.returncode, done.stderr)

    async def remove(self, services: Sequence[Service]) -> None:
        """Remove the services' containers, running or not; volumes stay.

        The database disconnects its clients at once: by its own signal it would wait for them (timescaledb/entrypoint),
        and where it is cut off it does not learn that they are gone.

        :raises RunClaudeError: with the cause, if Compose fails
        """
        if Service.TIMESCALEDB in services:
            argv = ["docker", "stop", "--signal", "SIGINT", f"{self.name}-{Service.TIMESCALEDB}"]
            self.on_command(argv)
            with suppress(FileNotFoundError):
                await run(argv, env=self.environment())  # what it cannot do, the next command does or tells
        await self._do("rm", "rm", "--stop", "--force", *services)

    async def is_current(self, service: Service, config_hash: str) -> bool:
        """Return whether `up` would keep a container of the service with this hash of its definition: 55 ms.

        :raises RunClaudeError: with the cause, if Compose fails
        """
        printed = await self._do("config", "config", "--hash", service)
        return printed.stdout.split() == [service.value, config_hash]

    async def logs(
        self, services: Sequence[Service], *, tail: int, follow: bool, on_line: Callable[[str], None]
    ) -> None:
        """Call ``on_line`` with the last log lines of the services; with ``follow``, with new lines until they end.

        :raises RunClaudeError: with the cause, if Compose fails
        """
        options = ["--no-color", "--tail", str(tail), *(["--follow"] if follow else [])]
        prefix = [] if len(services) > 1 else ["--no-log-prefix"]
        await self._do("logs", "logs", *options, *prefix, *services, on_line=on_line)

    async def pull(self, services: Sequence[Service], *, on_line: Callable[[str], None] | None = None) -> None:
        """Pull the images of the services.

        :param on_line: called with each line that Compose prints: how far each layer is
        :raises RunClaudeError: with the cause, if Compose fails
        """
        image = self.project.variables.get("RUN_CLAUDE_TIMESCALEDB_IMAGE", "")
        facts = {"image": image} if image and list(services) == [Service.TIMESCALEDB] else {}
        await self._do("pull", "pull", *services, on_line=on_line, facts=facts)

    async def feed(self, service: Service, command: Sequence[str], text: str) -> None:
        """Run a command in a service's container with ``text`` on its standard input, where secrets may go.

        :raises RunClaudeError: with the cause, if it fails
        """
        await self._do("exec", "exec", "--no-TTY", service, *command, text=text)

    async def run(self, service: Service, command: Sequence[str], *, text: str = "") -> tuple[int, list[str]]:
        """Run a command in a container of its own, of the service's image, beside one that runs: 0.6 s and its own.

        :param text: its standard input, where secrets may go
        Compose's own failures are exit codes as well (1, and as the docker command 125): they are the caller's to tell.

        :returns: its exit code, and the lines that it printed
        """
        program, *arguments = command
        options = ("--rm", "--no-deps", "--no-TTY", "--quiet-pull", "--entrypoint", program)
        argv = self.argv("--progress", "quiet", "run", *options, service, *arguments)
        self.on_command(argv)
        done = await run(argv, env=self.environment(), cwd=self.directory, text=text)
        return done.returncode, [*done.stdout.splitlines(), *done.stderr.splitlines()]

    async def build(
        self, service: Service, *, no_cache: bool = False, on_line: Callable[[str], None] | None = None
    ) -> None:
        """Build the image of a service, and remove old ones that no container uses.

        :raises BuildError: with the step that failed and its last lines of output
        """
        arguments = ["build", *(["--no-cache"] if no_cache else []), service]
        await self._do(f"build {service}", "--progress", "plain", *arguments, on_line=on_line)
        with suppress(RunClaudeError):  # old images only take space
            await self.prune_images()

    async def _do(
        self,
        name: str,
        *arguments: str,
        on_line: Callable[[str], None] | None = None,
        text: str = "",
        facts: Mapping[str, object] | None = None,
    ) -> Completed:
        argv = self.argv(*arguments)
        self.on_command(argv)
        try:
            done = await run(argv, env=self.environment(), cwd=self.directory, on_line=on_line, text=text)
        except FileNotFoundError as error:
            raise caused("docker-cli-missing", "There is no docker command.") from error
        if done.returncode != 0:
            # Compose 2.26 prints the progress of a build on stdout, what a failed step said included; others on stderr.
            said = f"{done.stdout}\n{done.stderr}" if arguments[0] == "--progress" else done.stderr
            raise compose_failure(name, done.returncode, said, facts=facts)
        return done

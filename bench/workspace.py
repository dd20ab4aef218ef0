"""The benchmark's own folders, instance names and ports. All are removed at the end, even after a failure."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from bench.docker import docker, remove
from bench.processes import BenchError, Done, execute
from run_claude.config.settings import load_settings
from run_claude.deploy.image import litellm_image
from run_claude.deploy.services import install_services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from run_claude.config.settings import Settings

__all__ = ["ROOT", "Workspace", "free_port", "open_workspace"]

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Workspace:
    """A home folder for the contenders, and a prefix for their names on the engine."""

    def __init__(self, folder: Path, prefix: str = "") -> None:
        self.folder = folder
        self.prefix = prefix or f"bench-{secrets.token_hex(2)}"
        self._built: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        """The environment that makes run-claude use this workspace instead of the user's files."""
        return {
            "HOME": str(self.folder / "home"),
            "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker"),
            "RUN_CLAUDE_HOME": str(self.folder / "config"),
            "RUN_CLAUDE_STATE": str(self.folder / "state"),
            # The same for all contenders: LiteLLM does not use the database, as the seed's image cannot.
            "RUN_CLAUDE_PRISMA": "off",
            "PYTHONDONTWRITEBYTECODE": "",
        }

    @property
    def models_file(self) -> Path:
        """The file of models that a scenario adds, and removes again."""
        folder = self.folder / "config"
        folder.mkdir(exist_ok=True)
        return folder / "models.yaml"

    def name(self, what: str) -> str:
        """Return a name on the engine for a contender."""
        return f"{self.prefix}-{what}"

    def settings(self, instance: str, **environment: str) -> Settings:
        """Return run-claude's settings for an instance that lives here."""
        return load_settings({**os.environ, **self.environment, **environment}, instance=instance)

    async def run_claude(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Done:
        """Run a run-claude command as a whole process, as a shell does.

        :raises BenchError: if it fails
        """
        executable = Path(sys.executable).with_name("run-claude")
        return await execute(str(executable), *arguments, env={**self.environment, **(environment or {})})

    def services(self) -> Path:
        """Return the services folder, installed as `run-claude` installs it."""
        settings = self.settings(self.name("build"))
        install_services(settings.paths)
        return settings.paths.services

    async def image(self, prisma: str = "off") -> str:
        """Return our image; build it if it is missing.

        :param prisma: whose engines it has, as in RUN_CLAUDE_PRISMA
        :raises BenchError: if it cannot be built
        """
        self.services()
        chosen = {"RUN_CLAUDE_PRISMA": prisma}
        reference = litellm_image(self.settings(self.name("build"), **chosen))
        if not await docker("image", "ls", "--quiet", reference):
            await self.run_claude("--instance", self.name("build"), "proxy", "build", environment=chosen)
            self._built.append(reference)
        return reference

    async def clear(self) -> None:
        """Remove everything with our prefix from the engine, and the image unless it existed before."""
        containers = await docker("ps", "--all", "--quiet", "--filter", f"name={self.prefix}")
        await remove("container", containers.split())
        for kind in ("volume", "network"):
            found = await docker(kind, "ls", "--filter", f"name={self.prefix}", "--format", "{{.Name}}")
            await remove(kind, found.split())
        ours = f"reference={self.prefix}*"
        images = await docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", ours)
        await remove("image", [*images.split(), *self._built])


@asynccontextmanager
async def open_workspace(prefix: str = "") -> AsyncIterator[Workspace]:
    """Yield a workspace, and leave nothing of it behind.

    :param prefix: of everything on the engine that the benchmark makes; one that nobody else has, if it is empty
    :raises BenchError: if there is no engine
    """
    workspace = Workspace(_folder(), prefix)
    try:
        await docker("version", limit=20)
        yield workspace
    finally:
        with anyio.CancelScope(shield=True), suppress(BenchError):
            await workspace.clear()
        shutil.rmtree(workspace.folder, ignore_errors=True)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="run-claude-bench-"))
    folder.chmod(0o755)  # containers that do not run as root read their configuration from here
    (folder / "home").mkdir()
    return folder

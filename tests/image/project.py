"""A Compose project of a test: the services folder as an installation has it, under names that nobody else has."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from run_claude.docker.volumes import archive_of
from run_claude.domain.container_files import ContainerFile, ContainerFiles
from tests import runs
from tests.docker_api import DockerApi
from tests.runs import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MASTER_KEY", "PASSWORD", "REPOSITORY", "Project", "boot_module", "docker", "free_port", "services_folder"]

REPOSITORY = Path(__file__).parents[2]
MASTER_KEY = "sk-planted0master0key" + "0" * 32
PASSWORD = "planted@pass:wo/rd$%&#"  # what breaks a URL that is put together by hand
HEALTHY_WITHIN = 300  # seconds: all migrations take over 120 on a machine with six times the work it can do

DEMO: dict[str, Any] = {
    "model_list": [
        {"model_name": f"demo-{role}", "litellm_params": {"model": f"demo/{role}"}} for role in ("opus", "haiku")
    ],
    "litellm_settings": {
        "custom_provider_map": [{"provider": "demo", "custom_handler": "callbacks.demo_provider.handler"}],
        "callbacks": ["callbacks.profile_routing.instance", "callbacks.provider_compat.instance"],
        "drop_params": True,
    },
    "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
}


def boot_module(name: str) -> Any:
    """Import a module of what runs in LiteLLM's container before LiteLLM; with the fixture `boot`."""
    return importlib.import_module(f"boot.{name}")


def docker(*argv: str, check: bool = True, stdin: str | None = None) -> str:
    """Run the docker command and return its output, both streams.

    :raises AssertionError: with the output, if it fails and ``check`` is set
    """
    done = subprocess.run(
        ["docker", *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, input=stdin, check=False
    )
    assert not check or done.returncode == 0, done.stdout
    return done.stdout


def services_folder(target: Path) -> Path:
    """Put the services folder together as an installation does: ``dep`` flattened, ``callbacks`` in it."""
    ignored = shutil.ignore_patterns("bases", "__pycache__")
    shutil.copytree(REPOSITORY / "dep", target, ignore=ignored)
    shutil.copytree(REPOSITORY / "callbacks", target / "callbacks", ignore=ignored)
    return target


@dataclass
class Project:
    """One instance. ``secrets`` go to LiteLLM's file of secrets, ``config`` to its configuration."""

    folder: Path
    services: Path
    image: str
    bases: Mapping[str, str]
    config: dict[str, Any] | str = field(default_factory=lambda: DEMO)
    secrets: dict[str, str] = field(default_factory=lambda: {"LITELLM_MASTER_KEY": MASTER_KEY})
    variables: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=lambda: ["docker-compose.yaml"])

    def __post_init__(self) -> None:
        self.name = runs.name("rcb")
        self.port = free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.routes.mkdir(exist_ok=True)

    @property
    def routes(self) -> Path:
        """The folder of what LiteLLM reads again when it changes: the profiles."""
        return self.folder / "routes"

    def put_profiles(self, table: str) -> None:
        """Replace the table of the profiles, as run-claude does it; before the first start, which hands it over."""
        (self.routes / "profiles.json").write_text(f"{table.strip()}\n")
        if (self.folder / "compose.env").exists():
            self.hand_over()

    @property
    def litellm(self) -> str:
        """The name of LiteLLM's container."""
        return f"{self.name}-litellm"

    @property
    def timescaledb(self) -> str:
        """The name of the database's container."""
        return f"{self.name}-timescaledb"

    def write(self) -> None:
        """Write what the containers are to read, and the variables of the compose file."""
        config = self.config if isinstance(self.config, str) else json.dumps(self.config)  # JSON is YAML
        contents = {"config.yaml": config, "secrets.json": json.dumps(self.secrets), "password": PASSWORD}
        for name, content in contents.items():
            (self.folder / name).write_text(content)
        variables = {
            "RUN_CLAUDE_INSTANCE": self.name,
            "LITELLM_PORT": str(self.port),
            "RUN_CLAUDE_TIMESCALEDB_PORT": str(free_port()),
            "RUN_CLAUDE_LITELLM_IMAGE": self.image,
            **self.bases,
            **self.variables,
        }
        (self.folder / "compose.env").write_text("".join(f"{name}='{value}'\n" for name, value in variables.items()))

    def hand_over(self) -> None:
        """Fill the containers' volumes of files with what is written: through the engine's own command."""
        user = self.variables.get("RUN_CLAUDE_CONTAINER_USER", "10001:10001")
        inside = {"config.yaml": "litellm_config.yaml", "secrets.json": "litellm.json"}
        found = {inside[name]: (self.folder / name).read_bytes() for name in inside}
        found |= {path.name: path.read_bytes() for path in self.routes.iterdir()}
        found["ca"] = Path(self.variables.get("RUN_CLAUDE_CA_BUNDLE", os.devnull)).read_bytes()
        proxys = [ContainerFile(name=name, data=data) for name, data in found.items()]
        scripts = [path for path in (self.services / "timescaledb").iterdir() if path.is_file()]
        databases = [ContainerFile(name=path.name, data=path.read_bytes(), mode=0o444) for path in scripts]
        databases.append(
            ContainerFile(name="postgres_password", data=(self.folder / "password").read_bytes(), mode=0o400)
        )
        volumes = [
            ContainerFiles(volume=f"{self.name}-litellm-files", files=tuple(proxys), group=int(user.split(":")[1])),
            ContainerFiles(volume=f"{self.name}-timescaledb-files", files=tuple(databases), mode=0o755),
        ]
        if folder := self.variables.get("RUN_CLAUDE_CALLBACKS"):
            own = [ContainerFile(name=path.name, data=path.read_bytes()) for path in Path(folder).iterdir()]
            volumes.append(ContainerFiles(volume=f"{self.name}-litellm-callbacks", files=tuple(own), group=10001))
        for content in volumes:
            labels = {"project": self.name, "volume": content.volume.removeprefix(f"{self.name}-")}
            given = [f"--label=com.docker.compose.{label}={value}" for label, value in labels.items()]
            docker("volume", "create", *given, content.volume)
        mounts = [f"--volume={content.volume}:/files/{content.volume}" for content in volumes]
        carrier = docker("create", "--network=none", *mounts, self.image, "never-started").split()[-1]
        try:
            command = ["docker", "cp", "-", f"{carrier}:/files"]
            subprocess.run(command, input=archive_of(volumes), check=True, capture_output=True)
        finally:
            docker("rm", carrier)

    def compose(self, *argv: str, check: bool = True) -> str:
        """Run Compose on this project."""
        files = [word for name in self.files for word in ("--file", str(self.services / name))]
        options = ["--project-directory", str(self.services), "--env-file", str(self.folder / "compose.env")]
        return docker("compose", *files, *options, *argv, check=check)

    def up(self, *services: str) -> None:
        """Write the files, hand them over and start the services; wait for nothing."""
        self.write()
        self.hand_over()
        self._since = f"{time.time():.3f}"
        self.compose("up", "--detach", "--no-build", *services)

    def events(self, container: str) -> Iterator[str]:
        """Yield what happens to a container from the start on, until the limit."""
        command = ["docker", "events", "--since", self._since, "--until", f"{time.time() + HEALTHY_WITHIN:.0f}"]
        command += ["--filter", f"container={container}", "--format", "{{.Action}}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    yield line.strip()
            finally:
                process.kill()

    def wait_for(self, container: str, event: str = "health_status: healthy") -> None:
        """Wait until the engine tells of an event of a container.

        :raises AssertionError: with the log, if the container dies first, or never gets there
        """
        for seen in self.events(container):
            if seen == event:
                return
            assert seen != "die", docker("logs", container)
        raise AssertionError(f"{container} was not {event!r} within {HEALTHY_WITHIN} s:\n{docker('logs', container)}")

    def inspect(self, container: str) -> dict[str, Any]:
        """Return what the engine says of a container."""
        found = DockerApi().inspect(container)
        assert found is not None, f"there is no {container}"
        return found

    def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Send a request to LiteLLM, with the master key."""
        sent = {"authorization": f"Bearer {MASTER_KEY}", "anthropic-version": "2023-06-01", **headers}
        return httpx.post(f"http://127.0.0.1:{self.port}{path}", json=body, headers=sent, timeout=30)

    def remove(self) -> None:
        """Remove containers, network and volumes."""
        DockerApi().remove(self.name)

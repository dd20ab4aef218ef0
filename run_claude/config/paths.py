"""The places of files: configuration, state, and the files of one instance."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT_INSTANCE", "Paths"]

DEFAULT_INSTANCE = "run-claude"


@dataclass(frozen=True, slots=True)
class Paths:
    """The files and folders of one instance. The configuration folder is shared by all instances."""

    config: Path
    state: Path
    instance: str = DEFAULT_INSTANCE

    @classmethod
    def resolve(cls, environ: Mapping[str, str], instance: str = DEFAULT_INSTANCE) -> Paths:
        """Return the paths for this environment; nothing is created.

        :raises ConfigError: if a path depends on the home folder, and there is none
        """
        config = _explicit(environ, "RUN_CLAUDE_HOME") or _base(environ, "XDG_CONFIG_HOME", ".config")
        state = _explicit(environ, "RUN_CLAUDE_STATE") or _base(environ, "XDG_STATE_HOME", ".local/state")
        return cls(config=config, state=state, instance=instance)

    @property
    def env_file(self) -> Path:
        """Settings and secrets."""
        return self.config / ".env"

    @property
    def models_file(self) -> Path:
        """The user's models."""
        return self.config / "models.yaml"

    @property
    def profiles_file(self) -> Path:
        """The user's profiles."""
        return self.config / "profiles.yaml"

    @property
    def services(self) -> Path:
        """The Compose project and build context."""
        return self.config / "services"

    @property
    def litellm_config(self) -> Path:
        """The generated configuration of LiteLLM."""
        infix = "" if self.instance == DEFAULT_INSTANCE else f".{self.instance}"
        return self.config / f"litellm_config{infix}.yaml"

    @property
    def instance_state(self) -> Path:
        """The folder of the instance's state."""
        return self.state / "instances" / self.instance

    @property
    def secrets_dir(self) -> Path:
        """What is secret of what the containers are given, and what a build reads."""
        return self.instance_state / "secrets"

    @property
    def litellm_secrets(self) -> Path:
        """The proxy's secrets: master key, provider keys, database access; a JSON object of strings."""
        return self.secrets_dir / "litellm.json"

    @property
    def database_secret(self) -> Path:
        """The database password."""
        return self.secrets_dir / "postgres_password"

    @property
    def build_secrets(self) -> Path:
        """The secrets of a build, which no layer may contain."""
        return self.secrets_dir / "build.env"

    @property
    def routes(self) -> Path:
        """The folder from which the proxy reads the profiles."""
        return self.instance_state / "routes"

    @property
    def profiles_table(self) -> Path:
        """The profiles as the proxy reads them."""
        return self.routes / "profiles.json"

    @property
    def default_profile(self) -> Path:
        """The name of the profile for requests that name none."""
        return self.routes / "default"

    @property
    def pages_file(self) -> Path:
        """Until when LiteLLM's admin pages are open, in seconds of the epoch; not there until `ui` was used."""
        return self.routes / "pages"

    @property
    def intent_file(self) -> Path:
        """What the user last asked for: whether the stack should run, and how."""
        return self.instance_state / "intent.json"

    @property
    def unfinished_file(self) -> Path:
        """What a command has stopped in order to start it again; there while it works."""
        return self.instance_state / "unfinished.json"

    @property
    def lock_file(self) -> Path:
        """The lock for commands that change the instance."""
        return self.instance_state / "lock"

    @property
    def watch_lock_file(self) -> Path:
        """The lock of the instance's watcher."""
        return self.instance_state / "watch.lock"

    @property
    def watch_file(self) -> Path:
        """The watcher's memory."""
        return self.instance_state / "watch.json"

    @property
    def history_file(self) -> Path:
        """The instance's history."""
        return self.instance_state / "history.jsonl"

    @property
    def applied_file(self) -> Path:
        """The configuration of the last start."""
        return self.instance_state / "applied.json"

    @property
    def delivered_file(self) -> Path:
        """What the containers' volumes of files were given, as hashes."""
        return self.instance_state / "delivered.json"

    @property
    def bases_file(self) -> Path:
        """Which images the tags of the base images were at the last build and pull."""
        return self.instance_state / "bases.json"

    @property
    def images_file(self) -> Path:
        """The images that starts of the instance have used."""
        return self.instance_state / "images.json"

    @property
    def folders_file(self) -> Path:
        """The folders that `set-folder` has written to, of all instances."""
        return self.state / "folders.json"

    @property
    def sessions(self) -> Path:
        """The settings of Claude Code's sessions that `with` has started, each as long as its session lasts."""
        return self.instance_state / "sessions"

    @property
    def compose_env_file(self) -> Path:
        """The variables of the compose file."""
        return self.instance_state / "compose.env"


def _explicit(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name)
    if not value:
        return None
    if value == "~" or value.startswith("~/"):
        value = str(_home(environ)) + value[1:]
    return Path(os.path.abspath(value))  # noqa: PTH100 (`absolute()` keeps `..`, `resolve()` follows symlinks)


def _base(environ: Mapping[str, str], name: str, fallback: str) -> Path:
    """Return our folder in an XDG base folder. By the specification, a relative base counts as unset."""
    base = environ.get(name) or ""
    return (Path(base) if base.startswith("/") else _home(environ) / fallback) / "run-claude"


def _home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME") or ""
    if not home.startswith("/"):
        raise caused("no-home", "There is no home folder: HOME is not an absolute path.")
    return Path(home)

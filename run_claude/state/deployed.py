"""What the last start has put on disk: what the watcher heals with, whatever its own environment lacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from run_claude.config import dotenv
from run_claude.config.files import read_bytes, read_text
from run_claude.config.model import Profile
from run_claude.deploy.plan import CALLBACKS_FILE, COMPOSE_FILE, Prepared
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from run_claude.config.settings import Settings

__all__ = ["last_start"]


def last_start(settings: Settings) -> Prepared:
    """Return what was started last, from its files alone.

    :raises ConfigError: if nothing was ever started, or its files cannot be read
    """
    paths = settings.paths
    text = read_text(paths.compose_env_file)
    if text is None:
        raise ConfigError(
            f"The instance {settings.instance} was never started here.",
            help="Start it with `run-claude proxy start`.",
            code="never-started",
            facts={"file": str(paths.compose_env_file)},
        )
    variables = {name: value for name, (value, _) in dotenv.values(text, str(paths.compose_env_file), {}).items()}
    compose_files = [paths.services / COMPOSE_FILE]
    if variables.get("RUN_CLAUDE_CALLBACKS"):
        compose_files.append(paths.services / CALLBACKS_FILE)
    try:
        secrets = json.loads(read_bytes(paths.litellm_secrets) or b"{}")
    except ValueError:
        secrets = {}
    return Prepared(
        profile=Profile(name=""),
        database="DATABASE_HOST" in secrets,
        image=variables.get("RUN_CLAUDE_LITELLM_IMAGE", ""),
        inputs=variables.get("RUN_CLAUDE_LITELLM_INPUTS", ""),
        fingerprint="",
        compose_files=tuple(compose_files),
        compose_variables=variables,
        applied_file=paths.applied_file,
    )

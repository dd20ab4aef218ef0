"""What was deployed, without the database: for where the user's own files cannot be used."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from run_claude.config.files import write_if_changed
from run_claude.config.secrets import UI_PASSWORD, UI_USERNAME
from run_claude.deploy.compose_env import render_compose_env
from run_claude.state.deployed import Deployment, deployed_secrets, load_deployment

if TYPE_CHECKING:
    from run_claude.config.paths import Paths

__all__ = ["write_without_database"]

_DATABASE = {"DATABASE_HOST", "DATABASE_USERNAME", "DATABASE_PASSWORD", "DATABASE_NAME", UI_USERNAME, UI_PASSWORD}


def write_without_database(paths: Paths) -> Deployment:
    """Take the database away from what the proxy is given, and return what is deployed now. Hold the instance's lock.

    :raises ConfigError: if nothing was ever started here, or a file cannot be written
    """
    variables = dict(load_deployment(paths).project.variables)
    kept = {name: value for name, value in deployed_secrets(paths).items() if name not in _DATABASE}
    content = json.dumps(kept, indent=1, sort_keys=True).encode() + b"\n"
    write_if_changed(paths.litellm_secrets, content)
    # Another label, so that Compose makes the container anew: the file is read at its start.
    inputs = hashlib.sha256(variables.get("RUN_CLAUDE_LITELLM_INPUTS", "").encode() + content).hexdigest()[:12]
    write_if_changed(paths.compose_env_file, render_compose_env(variables | {"RUN_CLAUDE_LITELLM_INPUTS": inputs}))
    return load_deployment(paths)

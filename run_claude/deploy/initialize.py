"""The first minutes: everything that has to be on disk before anything can start, made if it is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.config.files import ensure_folder, write_atomic
from run_claude.config.secrets import ensure_secrets
from run_claude.deploy.migration import migrate
from run_claude.deploy.services import install_services

if TYPE_CHECKING:
    from run_claude.config.settings import Settings

__all__ = ["ensure_initialized", "install_templates"]


def ensure_initialized(settings: Settings, *, force: bool = False) -> list[str]:
    """Create folders, secrets and the services folder, migrate, and return notes. Silent where nothing is missing.

    :param force: replace files of the services folder that the user has changed as well
    :raises ConfigError: if a file or a folder cannot be used
    """
    paths = settings.paths
    ensure_folder(paths.config)
    ensure_folder(paths.instance_state)
    ensure_folder(paths.secrets_dir)
    return [*migrate(paths), *ensure_secrets(settings), *install_services(paths, force=force)]


def install_templates(settings: Settings) -> list[str]:
    """Write `models.yaml` and `profiles.yaml` that hold nothing but comments, if there are none. Return notes.

    :raises ConfigError: if one cannot be written
    """
    notes = []
    for path, text in ((settings.paths.models_file, _MODELS), (settings.paths.profiles_file, _PROFILES)):
        if not path.exists() and not path.is_symlink():
            write_atomic(path, text)
            notes.append(f"Wrote {path}, with examples in it.")
    return notes


_MODELS = """\
# Models of your own, over the built-in ones (`run-claude models list`). A name that is built in stands for what you
# write here; `null` takes it away. Keys go into .env, and are referred to as os.environ/NAME.
#
# models:
#   my-model:
#     description: a model that is not built in
#     litellm_params:                      # as in LiteLLM's documentation
#       model: openai/some-model
#       api_base: ${MY_API_BASE:-http://localhost:8000/v1}   # localhost is this machine, also in the container
#       api_key: os.environ/MY_API_KEY     # without it the model is left out
#     compat:                              # what this server refuses of what Claude Code sends
#       drop: [reasoning_effort, thinking_blocks, cache_control]
#   gpt-5.1: null
#
# litellm_settings: {}                     # as in LiteLLM's configuration, over the generated ones
# router_settings: {}
"""

_PROFILES = """\
# Profiles of your own, over the built-in ones (`run-claude profiles list`): which model serves what.
#
# profiles:
#   mine:
#     description: shown in `profiles list`
#     extends: demo                        # what is not set here is taken from there
#     opus: my-model
#     sonnet: my-model
#     haiku: my-model
#     fable: my-model                      # the tier above opus
#     subagent: my-model                   # for all sub-agents
#     default: sonnet                      # what Claude Code begins with
#     env:                                 # more variables for the client
#       MAX_THINKING_TOKENS: 8000
"""

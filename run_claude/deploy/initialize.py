"""Create whatever must be on disk before anything can start, if it is missing."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from run_claude.config.files import ensure_folder, left_over, write_atomic
from run_claude.config.ownership import owned_by_others
from run_claude.config.secrets import DATABASE_PASSWORD, ensure_secrets, has_secrets
from run_claude.deploy.migration import left_behind, migrate
from run_claude.deploy.services import install_services, services_installed
from run_claude.state import lock
from run_claude.state.deployed import deployed_database_password, deployed_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from run_claude.config.paths import Paths
    from run_claude.config.settings import Settings

__all__ = ["ensure_initialized", "initialize", "install_templates", "is_initialized"]


async def initialize(
    settings: Settings, purpose: str, *, force: bool = False, on_wait: Callable[[str], None] = lambda holder: None
) -> list[str]:
    """Do what :func:`ensure_initialized` does, under the instance's lock.

    :param purpose: shown to a command that waits for this one
    :param on_wait: called with the command that is waited for, in words
    :raises BusyError: if another command does not give up the lock within ``settings.lock_timeout`` seconds
    :raises ConfigError: if a file or a folder cannot be used
    """
    ensure_folder(settings.paths.instance_state)  # where the lock is
    async with lock.lock(settings.paths.lock_file, purpose, wait=settings.lock_timeout, on_wait=on_wait):
        return await anyio.to_thread.run_sync(lambda: ensure_initialized(settings, force=force))


def ensure_initialized(settings: Settings, *, force: bool = False) -> list[str]:
    """Create folders and secrets, migrate an old layout, install the services folder, and return notes.

    The caller holds the instance's lock.

    :param force: also replace files of the services folder that the user has changed
    :raises ConfigError: if a file or a folder cannot be used
    """
    paths = settings.paths
    if foreign := owned_by_others([paths.config, paths.state]):
        raise foreign
    ensure_folder(paths.config)
    ensure_folder(paths.instance_state)
    ensure_folder(paths.secrets_dir)
    for path in _left_over(paths):
        with suppress(OSError):
            path.unlink()
    ensure_folder(paths.routes)
    return [*migrate(paths), *ensure_secrets(settings, lambda: _given(paths)), *install_services(paths, force=force)]


def _given(paths: Paths) -> Mapping[str, str]:
    return {**deployed_secrets(paths), DATABASE_PASSWORD: deployed_database_password(paths)}


def is_initialized(settings: Settings) -> bool:
    """Whether :func:`ensure_initialized` would find everything in place. Reads only.

    :raises ConfigError: if a file cannot be used
    """
    paths = settings.paths
    folders = (paths.config, paths.instance_state, paths.secrets_dir, paths.routes)
    return (
        all(folder.is_dir() for folder in folders)
        and not left_behind(paths)
        and not _left_over(paths)
        and has_secrets(settings)
        and services_installed(paths)
    )


def _left_over(paths: Paths) -> list[Path]:
    """Return the temporary files of commands that were killed."""
    ours = (paths.config, paths.services, paths.state, paths.instance_state, paths.secrets_dir, paths.sessions)
    folders = (*ours, paths.state / "backups")
    return [path for folder in folders for path in left_over(folder)]


def install_templates(settings: Settings) -> list[str]:
    """Write `models.yaml` and `profiles.yaml` with commented examples, if they are missing. Return notes.

    :raises ConfigError: if one cannot be written
    """
    notes = []
    for path, text in ((settings.paths.models_file, _MODELS), (settings.paths.profiles_file, _PROFILES)):
        if not path.exists() and not path.is_symlink():
            write_atomic(path, text)
            notes.append(f"Wrote {path} with commented examples.")
    return notes


_MODELS = """\
# Your own models, in addition to the built-in ones (`run-claude models list`). A built-in name is overridden by yours;
# `null` removes it. Put keys into .env and refer to them as os.environ/NAME.
#
# models:
#   my-model:
#     description: a model that is not built in
#     litellm_params:                      # as in LiteLLM's documentation
#       model: openai/some-model           # whatever speaks OpenAI's protocol: llama.cpp, vLLM, LM Studio, …
#       api_base: ${MY_API_BASE:-http://localhost:8000/v1}   # localhost is this machine; listen on 0.0.0.0 there
#       # api_key: os.environ/MY_API_KEY   # if the server wants one: put it into .env
#     # compat:                            # fields of Claude Code's requests that this server rejects
#     #   drop: [reasoning_effort]
#   gpt-5.1: null
#
# litellm_settings: {}                     # as in LiteLLM's configuration; overrides the generated values
# router_settings: {}
#
# A config.yaml of LiteLLM's can be used as it is: model_list, include, environment_variables, guardrails, mcp_servers
# and more are read. pass_env: [NAME, …] hands further variables to the container.
"""

_PROFILES = """\
# Your own profiles, in addition to the built-in ones (`run-claude profiles list`): which model serves which role.
#
# profiles:
#   mine:
#     description: shown in `profiles list`
#     extends: demo                        # whatever is not set here comes from that profile
#     opus: my-model
#     sonnet: my-model
#     haiku: my-model
#     fable: my-model                      # the tier above opus
#     subagent: my-model                   # for all sub-agents
#     default: sonnet                      # the model that Claude Code starts with
#     routes:                              # models for kinds of requests, whichever of the above they ask for
#       think: my-model                    # thinking is on; also background, web_search, image
#       long_context: {over: 100000, model: my-model}
#     fallbacks: [demo-opus]               # tried in turn when a model refuses
#     env:                                 # further variables for the client
#       MAX_THINKING_TOKENS: 8000
"""

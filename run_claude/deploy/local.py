"""Run LiteLLM without containers, for development: ``python -m run_claude.deploy.local [PROFILE] [--port PORT]``.

It uses the same generated configuration, with addresses for this machine instead of a container, and no database. It
needs an environment with LiteLLM, which ``scripts/run-litellm-local`` creates, and replaces this process with LiteLLM.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.catalogue import load_catalogue
from run_claude.config.files import write_if_changed
from run_claude.config.secrets import MASTER_KEY, provider_keys, read_secrets
from run_claude.config.settings import load_settings
from run_claude.deploy.initialize import ensure_initialized
from run_claude.deploy.litellm_config import render_litellm_config
from run_claude.deploy.plan import choose_profile
from run_claude.deploy.routing import render_profiles, set_default_profile
from run_claude.domain.causes import caused
from run_claude.domain.visible import visible
from run_claude.errors import RunClaudeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from run_claude.config.model import Profile
    from run_claude.config.settings import Settings

__all__ = ["Local", "prepare_local"]

_HOST = "127.0.0.1"
_USAGE = "Usage: scripts/run-litellm-local [PROFILE] [--port PORT]"

# As in the image: a start downloads nothing.
_QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "true",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_DONT_SHOW_FEEDBACK_BOX": "true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """How to run LiteLLM, by a script. The environment contains secrets; the arguments do not."""

    profile: Profile
    script: Path
    arguments: tuple[str, ...]
    environ: dict[str, str] = field(repr=False)
    notes: tuple[str, ...]


def prepare_local(settings: Settings, *, profile: str | None) -> Local:
    """Write the files that LiteLLM needs, and return how to run it.

    :raises ConfigError: if the user's configuration cannot be used, or the profile's keys are missing
    :raises UsageError: if there is no such profile
    """
    notes = ensure_initialized(settings)
    paths, env = settings.paths, settings.environment()
    catalogue = load_catalogue(paths)
    values = provider_keys(env, catalogue.variables)
    chosen, why = choose_profile(settings, catalogue, values, profile)
    rendered = render_litellm_config(catalogue, values, host=_HOST)
    config = paths.instance_state / "litellm_local.yaml"
    write_if_changed(config, rendered.content)
    write_if_changed(paths.profiles_table, render_profiles(catalogue, values.__contains__))
    set_default_profile(settings, chosen.name)
    secrets = read_secrets(settings, rendered.variables)
    callbacks = settings.callbacks.parent if settings.callbacks is not None else paths.services
    # With DATABASE_URL set, LiteLLM would use that database, which is the user's own.
    kept = {name: value for name, value in settings.environ.items() if not name.startswith("DATABASE_")}
    ours = {"PYTHONPATH": str(callbacks), "RUN_CLAUDE_ROUTES": str(paths.routes)}
    ours |= {
        "RUN_CLAUDE_BIND": settings.bind,
        "RUN_CLAUDE_ALLOWED_HOSTS": settings.allowed_hosts,
        "RUN_CLAUDE_MAX_BODY": settings.max_body,
    }
    environ = {**kept, **_QUIET, **ours, MASTER_KEY: secrets.master_key, **secrets.keys}
    arguments = ("--host", settings.bind, "--port", str(settings.port), "--config", str(config))
    return Local(
        profile=chosen,
        script=paths.services / "litellm" / "plain.py",
        arguments=arguments,
        environ=environ,
        notes=(*notes, *catalogue.notes, *rendered.notes, *why),
    )


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Replace this process with LiteLLM; return only if that fails."""
    try:
        profile, port = _parse(arguments)
        settings = load_settings(environ, port=port)
        local = prepare_local(settings, profile=profile)
    except RunClaudeError as error:
        _say(f"error: {error.message}", f"help: {error.help}")
        return error.exit_code
    name = local.profile.name
    _say(*local.notes, f"LiteLLM runs at {settings.base_url} without a database, profile {name}. Stop it with Ctrl-C.")
    _say(f'In another shell: eval "$(run-claude env {name} --export)"')
    litellm = Path(sys.executable).parent / "litellm"
    try:
        litellm.stat()
        command = [sys.executable, str(local.script), *local.arguments]
        os.execve(sys.executable, command, local.environ)  # noqa: S606 (no shell: a list of arguments)
    except OSError as error:
        _say(
            f"error: {litellm} cannot be run: {error.strerror}",
            "help: Run scripts/run-litellm-local, which installs it.",
        )
        return 1


def _parse(arguments: Sequence[str]) -> tuple[str | None, int | None]:
    profile, port, rest = None, None, list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--port":
            value = rest.pop(0) if rest else ""
            if not value.isdecimal() or not 1 <= int(value) <= 65535:
                raise caused("usage", f"--port needs a number from 1 to 65535, not {value!r}.", help=_USAGE)
            port = int(value)
        elif word.startswith("-") or profile is not None:
            raise caused("usage", f"Unexpected argument {word!r}.", help=_USAGE)
        else:
            profile = word
    return profile, port


def _say(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"{visible(line)}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

"""The environment that makes Claude Code and clients of OpenAI's API use a profile."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.config.model import Profile
    from run_claude.config.settings import Settings

__all__ = [
    "DIVERTING",
    "FOR_CLIENTS",
    "MARK",
    "PROFILE_HEADER",
    "applied",
    "client_environment",
    "for_settings",
    "render_environment",
    "settings_snippet",
]

PROFILE_HEADER = "x-run-claude-profile"  # tells the proxy which profile a request is for (callbacks/profile_routing.py)

# Each of these makes Claude Code bypass the proxy, send it another key, or request a model that it does not serve.
# Headers for another gateway may hold its key: LiteLLM takes `x-litellm-api-key` before the bearer.
DIVERTING = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_CUSTOM_HEADERS",
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
    "ANTHROPIC_DEFAULT_MODEL",
    "ANTHROPIC_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS",
    "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_GATEWAY",
    "CLAUDE_CODE_USE_MANTLE",
    "CLAUDE_CODE_USE_VERTEX",
)
MARK = "RUN_CLAUDE_PROFILE"  # set in every environment that run-claude has made for clients
# What clients read there, and providers' models elsewhere.
FOR_CLIENTS = frozenset(
    {"ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_KEY", "OPENAI_BASE_URL"}
)


def client_environment(settings: Settings, profile: Profile, key: str) -> dict[str, str]:
    """Return the variables for a profile's clients. They contain its key (:func:`.client_key.client_key`)."""
    own = {} if profile.subscription else {"ANTHROPIC_AUTH_TOKEN": key}
    variables = {
        "ANTHROPIC_BASE_URL": settings.base_url,  # Claude Code adds /v1 itself
        **own,
        "ANTHROPIC_DEFAULT_OPUS_MODEL": profile.role("opus"),
        "ANTHROPIC_DEFAULT_SONNET_MODEL": profile.role("sonnet"),
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": profile.role("haiku"),
        "ANTHROPIC_DEFAULT_FABLE_MODEL": profile.fable,
        "CLAUDE_CODE_SUBAGENT_MODEL": profile.subagent,
        "ANTHROPIC_MODEL": profile.default,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "OPENAI_BASE_URL": f"{settings.base_url}/v1",
        "OPENAI_API_BASE": f"{settings.base_url}/v1",  # for OpenAI's client before version 1
        "OPENAI_API_KEY": key,
        MARK: profile.name,
    }
    return (
        {name: value for name, value in variables.items() if value}
        | dict(profile.env)
        | _custom_headers(profile, key)
        | _direct(settings, profile)
    )


def _custom_headers(profile: Profile, key: str) -> dict[str, str]:
    """Return the headers that Claude Code adds to its requests: ours, and those that the profile's `env` names.

    With a subscription, `Authorization` is for the login, and our key has a header of its own.
    """
    ours = {PROFILE_HEADER: profile.name}
    ours |= {"x-litellm-api-key": f"Bearer {key}"} if profile.subscription else {}
    named = [line.strip() for line in profile.env.get("ANTHROPIC_CUSTOM_HEADERS", "").splitlines()]
    kept = [line for line in named if line and line.partition(":")[0].strip().lower() not in ours]
    lines = [*kept, *(f"{name}: {value}" for name, value in ours.items())]
    return {"ANTHROPIC_CUSTOM_HEADERS": "\n".join(lines)}


def _direct(settings: Settings, profile: Profile) -> dict[str, str]:
    """Return what keeps an HTTP proxy away from requests to this machine, added to what is excepted already.

    Without it, a company's proxy gets the key and every prompt: clients send it what is for 127.0.0.1, too.
    """
    environ = {**settings.environ, **profile.env}
    named = f"{environ.get('NO_PROXY', '')},{environ.get('no_proxy', '')}".replace(" ", ",").split(",")
    hosts = ["127.0.0.1", "localhost", "::1"]
    if settings.bind not in ("0.0.0.0", "::"):  # noqa: S104 (not bound here)
        hosts.append(settings.bind)
    value = ",".join(dict.fromkeys(host for host in (*named, *hosts) if host))
    return {"NO_PROXY": value, "no_proxy": value}


def applied(environ: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return a process environment with these variables, without those that would make Claude Code bypass the proxy."""
    return {name: value for name, value in environ.items() if name not in DIVERTING} | dict(variables)


def render_environment(variables: Mapping[str, str], shell: str) -> str:
    """Return the variables in the syntax of ``sh``, ``fish`` or ``powershell``, or as ``plain`` lines or ``json``.

    For a shell, the variables that would make Claude Code bypass the proxy are unset; ``plain`` and ``json`` only list.
    """
    unset = [name for name in DIVERTING if name not in variables]
    match shell:
        case "plain":
            lines = [f"{name}={value}" for name, value in variables.items()]
        case "json":
            return json.dumps(dict(variables), indent=2, ensure_ascii=False)
        case "sh":
            lines = [f"unset {' '.join(unset)}"] if unset else []
            lines += [f"export {name}={_sh(value)}" for name, value in variables.items()]
        case "fish":
            lines = [f"set -e {name}" for name in unset]
            lines += [f"set -gx {name} {_fish(value)}" for name, value in variables.items()]
        case "powershell":
            lines = [f"Remove-Item Env:{name} -ErrorAction SilentlyContinue" for name in unset]
            lines += [f"$env:{name} = {_powershell(value)}" for name, value in variables.items()]
        case _:
            raise ValueError(f"unknown shell {shell!r}")
    return "\n".join(lines)


def for_settings(variables: Mapping[str, str]) -> dict[str, str]:
    """Return those of the variables that Claude Code reads from the ``env`` of its settings."""
    return {name: value for name, value in variables.items() if not name.startswith(("OPENAI_", "RUN_CLAUDE_"))}


def settings_snippet(variables: Mapping[str, str]) -> str:
    """Return the ``env`` part of Claude Code's settings.json, for background agents, which inherit no shell."""
    return json.dumps({"env": for_settings(variables)}, indent=2, ensure_ascii=False)


def _sh(value: str) -> str:
    """Quote for sh, bash and zsh: in single quotes, only a single quote is special."""
    if re.fullmatch(r"[A-Za-z0-9_./:@%+,-]+", value):
        return value
    return "'" + value.replace("'", "'\\''") + "'"


def _fish(value: str) -> str:
    """Quote for fish, which knows two escapes in single quotes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(value: str) -> str:
    """Quote for PowerShell: single quotes are doubled, and so are the typographic ones, which it treats alike."""
    return "'" + re.sub("['\u2018\u2019\u201a\u201b]", r"\g<0>\g<0>", value) + "'"

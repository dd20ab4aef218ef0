"""Clients by their command: how each is told to use a profile, for one call, with nothing of the user's changed.

Claude Code takes its environment, and settings above the user's; Codex takes options; OpenCode takes its configuration
in a variable. Every other program gets the environment alone.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from run_claude.config import claude_settings
from run_claude.config.client_env import PROFILE_HEADER, applied
from run_claude.config.files import read_bytes
from run_claude.domain.causes import caused
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from run_claude.config.model import Profile

__all__ = [
    "Call",
    "begins_session",
    "check_login",
    "codex_toml",
    "has_login",
    "openai_lines",
    "opencode_json",
    "prepared",
]

_PROVIDER = "run-claude"  # its name in the configuration of other clients
_KEY = "OPENAI_API_KEY"  # the variable that they read the key from
# Commands of Claude Code that begin no session; one of them logs in.
_NO_SESSION = frozenset(
    {"auth", "config", "doctor", "install", "login", "logout", "mcp", "plugin", "setup-token", "update", "upgrade"}
    | {"--help", "-h", "--version", "-v"}
)


@dataclass(frozen=True, slots=True)
class Call:
    """A client's command as it is to be run.

    :param program: the program, with the options that come first
    :param arguments: the user's own, behind them
    :param settings: what Claude Code reads from a file, above the user's settings; it contains the key
    :param notes: what the user should know
    """

    program: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, Any] | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    def command(self, settings_file: Path | None = None) -> list[str]:
        """Return the words of the command. The settings are in a file: anyone may read a command line."""
        option = ["--settings", str(settings_file)] if settings_file is not None else []
        return [*self.program, *option, *self.arguments]


def prepared(
    command: Sequence[str],
    profile: Profile,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    folder: Path,
    *,
    managed: Path | None = None,
) -> Call:
    """Return a client's command with what makes it use the profile.

    :param variables: those of the profile
    :param environ: the user's environment
    :param folder: where it is started
    :param managed: the folder of Claude Code's managed settings; by default this system's
    :raises UsageError: if its own `--settings` cannot be used
    """
    program, arguments, environment = (command[0],), tuple(command[1:]), applied(environ, variables)
    match _name(command):
        case "claude" if begins_session(command):
            given, rest = _without_settings(arguments)
            ours = claude_settings.session_settings(environ, folder, variables, given)
            found = claude_settings.diversions(environ, folder, variables, managed=managed)
            notes = tuple(f"Managed settings win over this profile: {one}." for one in found if one.managed)
            return Call(program, rest, environment, ours, notes)
        case "codex":
            options = [word for line in _codex(profile, variables) for word in ("-c", line)]
            return Call((*program, *options), arguments, environment)
        case "opencode":
            document = opencode_json(profile, variables, environ.get("OPENCODE_CONFIG_CONTENT", ""))
            return Call(program, arguments, {**environment, "OPENCODE_CONFIG_CONTENT": document})
        case _:
            return Call(program, arguments, environment)


def begins_session(command: Sequence[str]) -> bool:
    """Whether a command is Claude Code's, and asks a model."""
    return _name(command) == "claude" and (len(command) == 1 or command[1] not in _NO_SESSION)


def check_login(profile: Profile, environ: Mapping[str, str]) -> None:
    """Check that Claude Code has the login that a profile needs.

    :raises ConfigError: if it has none
    """
    if profile.subscription and not has_login(environ):
        raise caused(
            "login-missing",
            f"Profile {profile.name} uses your Claude subscription, and Claude Code is not logged in.",
            facts={"profile": profile.name},
        )


def has_login(environ: Mapping[str, str]) -> bool:
    """Whether Claude Code is logged in to a subscription. The login itself is not looked at."""
    if environ.get("CLAUDE_CODE_OAUTH_TOKEN"):
        return True
    try:
        kept = json.loads(read_bytes(claude_settings.claude_folder(environ) / ".credentials.json") or b"")
        return bool(kept["claudeAiOauth"]["accessToken"])
    except (ConfigError, ValueError, KeyError, TypeError, RecursionError):
        pass
    if sys.platform != "darwin":
        return False
    import subprocess

    command = ["security", "find-generic-password", "-s", "Claude Code-credentials"]  # without -w: no secret is shown
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return True  # nobody knows; Claude Code asks for the login itself


def codex_toml(profile: Profile, variables: Mapping[str, str]) -> str:
    """Return what makes Codex use the profile, for its config.toml. The key is read from the environment."""
    top, table = _codex(profile, variables)[:2], _codex(profile, variables)[2:]
    prefix = f"model_providers.{_PROVIDER}."
    return "\n".join([*top, "", f"[model_providers.{_PROVIDER}]", *(line.removeprefix(prefix) for line in table)])


def opencode_json(profile: Profile, variables: Mapping[str, str], given: str = "") -> str:
    """Return what makes OpenCode use the profile, for its opencode.json. The key is read from the environment.

    :param given: configuration of the user's, in which ours is put
    """
    try:
        document = json.loads(given or "{}")
    except ValueError:
        document = {}  # OpenCode would refuse it
    document = document if isinstance(document, dict) else {}
    providers = document.get("provider")
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": _PROVIDER,
        "options": {
            "baseURL": variables["OPENAI_BASE_URL"],
            "apiKey": f"{{env:{_KEY}}}",
            "headers": {PROFILE_HEADER: profile.name},
        },
        "models": {name: {"name": name} for name in profile.served},
    }
    ours = {
        "provider": {**(providers if isinstance(providers, dict) else {}), _PROVIDER: provider},
        "model": f"{_PROVIDER}/{_main(profile)}",
        "small_model": f"{_PROVIDER}/{profile.role('haiku')}",
    }
    return json.dumps({"$schema": "https://opencode.ai/config.json", **document, **ours}, indent=2)


def openai_lines(profile: Profile, variables: Mapping[str, str]) -> str:
    """Return the variables of OpenAI's clients, and the models that they can name in a comment."""
    lines = [f"# models: {', '.join(profile.served)}"]
    lines += [f"{name}={value}" for name, value in variables.items() if name.startswith("OPENAI_")]
    return "\n".join(lines + [f"{name}={variables[name]}" for name in ("NO_PROXY", "no_proxy")])


def _main(profile: Profile) -> str:
    """Return the model that a client without tiers begins with."""
    default = profile.default or "sonnet"
    return profile.role(default) if default in ("opus", "sonnet", "haiku") else default


def _codex(profile: Profile, variables: Mapping[str, str]) -> list[str]:
    """Return Codex's settings, each as a line of TOML; it speaks to nothing but /responses."""
    name = f"model_providers.{_PROVIDER}"
    values = {
        "model": _main(profile),
        "model_provider": _PROVIDER,
        f"{name}.name": _PROVIDER,
        f"{name}.base_url": variables["OPENAI_BASE_URL"],
        f"{name}.env_key": _KEY,
        f"{name}.wire_api": "responses",
        f"{name}.http_headers.{PROFILE_HEADER}": profile.name,
    }
    return [f"{key} = {json.dumps(value)}" for key, value in values.items()]


def _name(command: Sequence[str]) -> str:
    return PurePath(command[0]).name.removesuffix(".exe")


def _without_settings(arguments: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the value of `--settings` among a command's words, empty if it is not there, and the other words."""
    words, given, kept = list(arguments), "", []
    while words:
        word = words.pop(0)
        if word == "--":
            kept += [word, *words]
            break
        if word == "--settings" and words:
            given = words.pop(0)
        elif word.startswith("--settings="):
            given = word.removeprefix("--settings=")
        else:
            kept.append(word)
    return given, tuple(kept)

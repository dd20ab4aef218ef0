"""The variables of the compose file, written to a file of Compose's own grammar. Paths and names, no secret's value."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from run_claude.deploy.loopback import CONTAINER_HOST, reachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.config.environment import Environment
    from run_claude.config.settings import Settings

__all__ = ["build_secrets", "compose_variables", "proxy_variables", "render_compose_env"]

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
_DIRECT = ("timescaledb", "localhost", "127.0.0.1", "::1", CONTAINER_HOST)  # what no company's proxy can reach
_INDEXES = (
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_INDEX",
    "UV_INDEX_STRATEGY",
    "UV_INSECURE_HOST",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "NPM_CONFIG_REGISTRY",
)


def compose_variables(settings: Settings, env: Environment, *, image: str, inputs: str) -> dict[str, str]:
    """Return the variables of the compose file.

    :param image: the image's reference
    :param inputs: a hash of the files that are mounted into the proxy, so that a change of one recreates it
    """
    paths, (uid, gid) = settings.paths, settings.container_user
    variables = {
        "RUN_CLAUDE_INSTANCE": settings.instance,
        "RUN_CLAUDE_BIND": f"[{settings.bind}]" if ":" in settings.bind else settings.bind,
        "LITELLM_PORT": str(settings.port),
        "RUN_CLAUDE_TIMESCALEDB_PORT": str(settings.database_port),
        "RUN_CLAUDE_PYTHON_IMAGE": settings.python_image,
        "RUN_CLAUDE_TIMESCALEDB_IMAGE": settings.timescaledb_image,
        "RUN_CLAUDE_LITELLM_IMAGE": image,
        "RUN_CLAUDE_PRISMA": "on" if settings.prisma else "off",
        "PRISMA_ENGINES_MIRROR": settings.prisma_mirror,
        "RUN_CLAUDE_CA_BUNDLE": str(settings.ca_bundle or os.devnull),
        "RUN_CLAUDE_BUILD_SECRETS": str(paths.build_secrets if build_secrets(env) else os.devnull),
        "RUN_CLAUDE_LITELLM_CONFIG": str(paths.litellm_config),
        "RUN_CLAUDE_LITELLM_SECRETS": str(paths.litellm_secrets),
        "RUN_CLAUDE_TIMESCALEDB_SECRET": str(paths.database_secret),
        "RUN_CLAUDE_CONTAINER_USER": f"{uid}:{gid}",
        "RUN_CLAUDE_LITELLM_INPUTS": inputs,
        "RUN_CLAUDE_LITELLM_MEMORY": settings.litellm_memory,
        "RUN_CLAUDE_LITELLM_PIDS": str(settings.litellm_pids),
        "RUN_CLAUDE_TIMESCALEDB_MEMORY": settings.timescaledb_memory,
        "RUN_CLAUDE_CALLBACKS": str(settings.callbacks or ""),
    }
    for name in _PROXIES[:3]:
        variables[name] = "" if _has_password(value := _proxy(env, name)) else value
    return variables


def proxy_variables(env: Environment) -> dict[str, str]:
    """Return the variables that make LiteLLM reach its providers through the user's HTTP proxy; empty without one.

    A proxy may have a password in it: these go to the container as its keys do. gRPC heeds the lower-case names only.
    """
    proxies = {name: reachable(value) for name in _PROXIES if name != "NO_PROXY" and (value := _proxy(env, name))}
    if not proxies:
        return {}
    named = [host for host in _proxy(env, "NO_PROXY").replace(" ", "").split(",") if host]
    proxies["NO_PROXY"] = ",".join(dict.fromkeys([*named, *_DIRECT]))
    return proxies | {name.lower(): value for name, value in proxies.items()}


def build_secrets(env: Environment) -> str:
    """Return what a build needs and no layer may hold, as assignments that a shell reads; empty if there is nothing.

    Package indexes are often written with a password in them; a proxy with one is here only.
    """
    found = {name: _proxy(env, name) for name in _PROXIES} | {name: env.get(name) for name in _INDEXES}
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in found.items() if value]
    # curl and apt heed the lower-case names only.
    lines += [f"{name.lower()}={shlex.quote(found[name])}\n" for name in _PROXIES if found[name]]
    return "".join(lines)


def render_compose_env(variables: Mapping[str, str]) -> str:
    """Return the variables as Compose reads them back, whatever is in a path."""
    lines = ["# Written by run-claude at each start; changes here are lost."]
    lines += [f"{name}={_quote(value)}" for name, value in variables.items()]
    return "\n".join(lines) + "\n"


def _proxy(env: Environment, name: str) -> str:
    return env.get(name) or env.get(name.lower())


def _has_password(proxy: str) -> bool:
    return "@" in (urlsplit(proxy).netloc or proxy)


def _quote(value: str) -> str:
    """Quote for Compose: in single quotes nothing is replaced, but a backslash can stand before the closing one."""
    if "\\" not in value:
        return "'" + value.replace("'", "\\'") + "'"
    return '"' + re.sub(r'[\\"$]', r"\\\g<0>", value) + '"'

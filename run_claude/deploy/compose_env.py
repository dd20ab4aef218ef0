"""Write the variables of the compose file, in Compose's own grammar: paths and names, never secrets."""

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
_DIRECT = ("timescaledb", "localhost", "127.0.0.1", "::1", CONTAINER_HOST)  # hosts that no company's proxy can reach
_HBA = "/run-claude/pg_hba.conf"  # who comes in; older variables do not name it, and have the volume's own
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


def compose_variables(
    settings: Settings, env: Environment, *, image: str, inputs: str, database_inputs: str, callbacks: str = ""
) -> dict[str, str]:
    """Return the variables of the compose file.

    :param image: the reference of litellm's image
    :param inputs: a hash of the files that litellm reads; a change recreates the container
    :param database_inputs: the same of the database
    :param callbacks: the volume of the user's own callbacks; empty without any
    """
    paths, (uid, gid) = settings.paths, settings.container_user
    variables = {
        "RUN_CLAUDE_INSTANCE": settings.instance,
        "RUN_CLAUDE_BIND": _bracketed(settings.bind),
        "LITELLM_PORT": str(settings.port),
        "RUN_CLAUDE_TIMESCALEDB_PORT": str(settings.database_port or ""),
        "RUN_CLAUDE_TIMESCALEDB_BIND": _bracketed(settings.database_bind),
        "RUN_CLAUDE_TIMESCALEDB_HBA": _HBA,
        "RUN_CLAUDE_PYTHON_IMAGE": settings.python_image,
        "RUN_CLAUDE_TIMESCALEDB_IMAGE": settings.timescaledb_image,
        "RUN_CLAUDE_LITELLM_IMAGE": image,
        "RUN_CLAUDE_PRISMA": settings.prisma.value,
        "PRISMA_ENGINES_MIRROR": settings.prisma_mirror,
        "RUN_CLAUDE_CA_BUNDLE": str(settings.ca_bundle or os.devnull),
        "RUN_CLAUDE_BUILD_SECRETS": str(paths.build_secrets if build_secrets(env) else os.devnull),
        # Read by older releases' compose files, which mount them: one of these may be started again.
        "RUN_CLAUDE_LITELLM_CONFIG": str(paths.litellm_config),
        "RUN_CLAUDE_LITELLM_ROUTES": str(paths.routes),
        "RUN_CLAUDE_LITELLM_SECRETS": str(paths.litellm_secrets),
        "RUN_CLAUDE_TIMESCALEDB_SECRET": str(paths.database_secret),
        "RUN_CLAUDE_CONTAINER_USER": f"{uid}:{gid}",
        "RUN_CLAUDE_LITELLM_INPUTS": inputs,
        "RUN_CLAUDE_TIMESCALEDB_INPUTS": database_inputs,
        "RUN_CLAUDE_ALLOWED_HOSTS": settings.allowed_hosts,
        "RUN_CLAUDE_MAX_BODY": settings.max_body,
        "RUN_CLAUDE_LITELLM_MEMORY": settings.litellm_memory,
        "RUN_CLAUDE_LITELLM_PIDS": str(settings.litellm_pids),
        "RUN_CLAUDE_TIMESCALEDB_MEMORY": settings.timescaledb_memory,
        "RUN_CLAUDE_CALLBACKS": str(settings.callbacks or ""),
        "RUN_CLAUDE_CALLBACKS_VOLUME": callbacks,
    }
    for name in _PROXIES[:2]:
        variables[name] = "" if _has_password(value := _proxy(env, name)) else value
    variables["NO_PROXY"] = _excepted(env)
    return variables


def proxy_variables(env: Environment) -> dict[str, str]:
    """Return the variables that make LiteLLM use the user's HTTP proxy; empty without one.

    A proxy's URL may contain a password, so these go to the container like the keys. gRPC reads only lower-case names.
    """
    proxies = {name: reachable(value) for name in _PROXIES if name != "NO_PROXY" and (value := _proxy(env, name))}
    if not proxies:
        return {}
    named = [host for host in _excepted(env).split(",") if host]
    proxies["NO_PROXY"] = ",".join([*named, *_DIRECT])
    return proxies | {name.lower(): value for name, value in proxies.items()}


def build_secrets(env: Environment) -> str:
    """Return the secrets of a build as shell assignments, empty if there are none. No layer may contain them.

    The URLs of package indexes often contain a password. A proxy with a password is only here.
    """
    found = {name: _proxy(env, name) for name in _PROXIES} | {"NO_PROXY": _excepted(env)}
    found |= {name: env.get(name) for name in _INDEXES}
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in found.items() if value]
    # curl and apt read only the lower-case names.
    lines += [f"{name.lower()}={shlex.quote(found[name])}\n" for name in _PROXIES if found[name]]
    return "".join(lines)


def render_compose_env(variables: Mapping[str, str]) -> str:
    """Return the variables, quoted so that Compose reads the same values, whatever a path contains."""
    lines = ["# Generated by run-claude at each start; changes are lost."]
    lines += [f"{name}={_quote(value)}" for name, value in variables.items()]
    return "\n".join(lines) + "\n"


def _proxy(env: Environment, name: str) -> str:
    return env.get(name) or env.get(name.lower())


def _excepted(env: Environment) -> str:
    """Return the hosts that the user excepts from an HTTP proxy; empty without a proxy.

    Without this machine's own: `with` and `env` add them for clients, and nothing may be made anew because of that.
    """
    if not any(_proxy(env, name) for name in _PROXIES if name != "NO_PROXY"):
        return ""
    own = {*_DIRECT, env.get("RUN_CLAUDE_BIND")}
    named = re.split(r"[,\s]+", f"{env.get('NO_PROXY')},{env.get('no_proxy')}")
    return ",".join(dict.fromkeys(host for host in named if host and host not in own))


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _has_password(proxy: str) -> bool:
    return "@" in (urlsplit(proxy).netloc or proxy)


def _quote(value: str) -> str:
    """Quote for Compose: single quotes replace nothing, but a backslash would escape the closing one."""
    if "\\" not in value:
        return "'" + value.replace("'", "\\'") + "'"
    return '"' + re.sub(r'[\\"$]', r"\\\g<0>", value) + '"'

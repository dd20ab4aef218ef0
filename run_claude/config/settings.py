"""The settings of one instance, as typed values, from the process environment and `.env`."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from run_claude.config.certificates import system_ca
from run_claude.config.checks import host_names
from run_claude.config.environment import Environment, EnvironmentFile
from run_claude.config.paths import DEFAULT_INSTANCE, Paths
from run_claude.domain.causes import caused
from run_claude.domain.remembered import OFF, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    from run_claude.domain.remembered import Choice, Origin, Word

__all__ = ["IMAGE_USER", "INSTANCE", "Prisma", "Settings", "load_settings"]

T = TypeVar("T")
D = TypeVar("D")

_PORT = 4444
IMAGE_USER = (10001, 10001)  # litellm's user when the user is root

INSTANCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_REFERENCE = re.compile(r"[a-z0-9][A-Za-z0-9._:/@-]{0,254}")
_MEMORY = re.compile(r"[1-9][0-9]*(\.[0-9]+)?[bkmgBKMG]?")
_USER = re.compile(r"[0-9]{1,10}:[0-9]{1,10}")


class Prisma(StrEnum):
    """Prisma's engines in LiteLLM's image: how LiteLLM uses its database, if it does."""

    ON = "on"  # the WebAssembly engines from npm
    NATIVE = "native"  # Prisma's own, from its host or a mirror
    OFF = "off"  # no database client

    @property
    def words(self) -> str:
        """What an image has, in words."""
        return {"on": "Prisma's engines from npm", "native": "Prisma's native engines"}.get(self, "no database client")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one instance, defaults included. Only ``environ`` may contain secrets; it is not in ``repr``.

    Make it with :func:`load_settings`. Memory limits and ``max_body`` are as Docker takes them (``2g``),
    ``container_user`` is UID and GID, ``lock_timeout`` is in seconds; ``environ`` is the process environment.
    """

    instance: str
    paths: Paths
    bind: str = "127.0.0.1"
    port: int = _PORT
    database_port: int | None = None  # of this machine; ``None``: not published
    database_bind: str = "127.0.0.1"
    python_image: str = "python:3.13-slim"
    timescaledb_image: str = "timescale/timescaledb:2.23.1-pg17"
    prisma: Prisma = Prisma.ON
    callbacks: Path | None = None
    ca_bundle: Path | None = None
    container_user: tuple[int, int] = IMAGE_USER
    allowed_hosts: str = ""  # further names that the proxy is called by, separated by spaces
    max_body: str = "64m"
    litellm_memory: str = "2g"
    litellm_pids: int = 256
    timescaledb_memory: str = "1g"
    prisma_mirror: str = ""
    spend_logs_retention: str = ""  # such as 30d; empty: for ever
    lock_timeout: float = 600.0  # seconds that a command waits for another
    asked: Mapping[str, str] = field(default_factory=dict)  # by options, for ``port`` and ``database_port``
    configured: Mapping[str, str] = field(default_factory=dict)  # the same, by the user's variables, where set
    lasting: Mapping[str, str] = field(default_factory=dict)  # the same, by `.env` alone; empty where it says nothing
    said: Mapping[str, Word] = field(default_factory=dict)  # what a start with these settings remembers
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    env_file: EnvironmentFile | None = field(default=None, repr=False, compare=False)  # `.env`, as far as it was read

    def __post_init__(self) -> None:
        if self.env_file is None:
            object.__setattr__(self, "env_file", EnvironmentFile(self.environ, self.paths.env_file))

    @property
    def base_url(self) -> str:
        """The proxy's address for clients on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind, self.bind)  # noqa: S104 (not bound here)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def chosen(self, choices: Mapping[str, Choice]) -> Settings:
        """Return the settings with these ports, and where each comes from."""
        port, database_port = choices["port"].value, choices["database_port"].value
        return replace(
            self,
            port=int(port) if port else _PORT,
            database_port=None if database_port in ("", OFF) else int(database_port),
            said={name: choice.word for name, choice in choices.items() if choice.word is not None},
            origins={name: choice.origin for name, choice in choices.items()},
        )

    def environment(self) -> Environment:
        """Return the user's environment with the current content of `.env`, which is read again only if it changed.

        :raises ConfigError: if `.env` cannot be read
        """
        assert self.env_file is not None  # noqa: S101 (set in __post_init__)
        return self.env_file.load()


def load_settings(
    environ: Mapping[str, str],
    *,
    instance: str | None = None,
    port: int | None = None,
    database_port: int | Literal["off"] | None = None,
) -> Settings:
    """Return the settings. The process environment overrides `.env`, and an argument overrides both.

    What was said at an earlier start is not in them yet; a :class:`~run_claude.Stack` adds it.

    :param database_port: where to publish the database; ``off``: nowhere
    :raises ConfigError: with the origin of the value, if a value is invalid
    :raises UsageError: if an argument is invalid
    """
    env_file = EnvironmentFile(environ, Paths.resolve(environ).env_file)
    env = env_file.load()
    name = instance or _checked(env, "RUN_CLAUDE_INSTANCE", _instance, DEFAULT_INSTANCE)
    if not INSTANCE.fullmatch(name):
        raise caused("usage", f"{name!r} is not a valid instance name.", help=_INSTANCE_HELP)
    default = Settings(instance=name, paths=Paths.resolve(environ, name))
    asked = {"port": str(port or ""), "database_port": str(database_port or "")}
    return Settings(
        instance=name,
        paths=default.paths,
        bind=_checked(env, "RUN_CLAUDE_BIND", _address, default.bind),
        port=port or _checked(env, "LITELLM_PORT", _port, default.port),
        database_port=_port_or_off(asked["database_port"])
        if database_port
        else _checked(env, "RUN_CLAUDE_TIMESCALEDB_PORT", _port_or_off, None),
        database_bind=_checked(env, "RUN_CLAUDE_TIMESCALEDB_BIND", _address, default.database_bind),
        python_image=_checked(env, "RUN_CLAUDE_PYTHON_IMAGE", _reference, default.python_image),
        timescaledb_image=_checked(env, "RUN_CLAUDE_TIMESCALEDB_IMAGE", _reference, default.timescaledb_image),
        prisma=_checked(env, "RUN_CLAUDE_PRISMA", _prisma, default.prisma),
        callbacks=_checked(env, "RUN_CLAUDE_CALLBACKS", _folder, None),
        ca_bundle=_checked(env, "RUN_CLAUDE_CA_BUNDLE", _file, None) or system_ca(env),
        container_user=_checked(env, "RUN_CLAUDE_CONTAINER_USER", _user, _host_user(environ)),
        allowed_hosts=_checked(env, "RUN_CLAUDE_ALLOWED_HOSTS", host_names, ""),
        max_body=_checked(env, "RUN_CLAUDE_MAX_BODY", _memory, default.max_body),
        litellm_memory=_checked(env, "RUN_CLAUDE_LITELLM_MEMORY", _memory, default.litellm_memory),
        litellm_pids=_checked(env, "RUN_CLAUDE_LITELLM_PIDS", _count, default.litellm_pids),
        timescaledb_memory=_checked(env, "RUN_CLAUDE_TIMESCALEDB_MEMORY", _memory, default.timescaledb_memory),
        prisma_mirror=env.get("PRISMA_ENGINES_MIRROR"),
        spend_logs_retention=_checked(env, "RUN_CLAUDE_SPEND_LOGS_RETENTION", _period, default.spend_logs_retention),
        lock_timeout=_checked(env, "RUN_CLAUDE_LOCK_TIMEOUT", _seconds, default.lock_timeout),
        asked={name: value for name, value in asked.items() if value},
        configured={name: _plain(value) for name, key in VARIABLES.items() if (value := env.get(key).strip())},
        lasting={name: _plain(env.from_file(key).strip()) for name, key in VARIABLES.items()},
        environ=environ,
        env_file=env_file,
    )


def _checked(env: Environment, name: str, check: Callable[[str], T], default: D) -> T | D:
    """Return the checked value of a variable, or the default if it is not set.

    :raises ConfigError: with the variable and its origin, if the check fails
    """
    value = env.get(name).strip()
    if not value:
        return default
    try:
        return check(value)
    except ValueError as error:
        raise caused(
            error.args[1] if len(error.args) > 1 else "setting-invalid",
            f"{env.origin(name)}: {error.args[0]}, not {value!r}.",
            help=f"Correct {name}, or remove it for the default{f' ({default})' if default else ''}.",
            facts={**env.facts(name), "value": value},
        ) from error


_INSTANCE_HELP = "Use up to 40 characters of a-z, 0-9, - and _; the first must be a letter or a digit."


def _instance(value: str) -> str:
    if not INSTANCE.fullmatch(value):
        raise ValueError("an instance name has up to 40 characters of a-z, 0-9, - and _, the first a letter or a digit")
    return value


def _port(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= 65535:
        raise ValueError("a port must be a number from 1 to 65535", "port-invalid")
    return int(value)


def _port_or_off(value: str) -> int | None:
    return None if value.lower() == OFF else _port(value)


def _plain(port: str) -> str:
    return port.lstrip("0") if port.isascii() and port.isdigit() else port.lower()


def _address(value: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        raise ValueError("an address to listen on must be an IP address, such as 127.0.0.1") from error


def _reference(value: str) -> str:
    if not _REFERENCE.fullmatch(value):
        raise ValueError("an image must be written as registry/name:tag")
    return value


def _prisma(value: str) -> Prisma:
    match value.lower():
        case "on" | "true" | "yes" | "1":
            return Prisma.ON
        case "native":
            return Prisma.NATIVE
        case "off" | "false" | "no" | "0":
            return Prisma.OFF
        case _:
            raise ValueError("the value must be on, native or off")


def _memory(value: str) -> str:
    if not _MEMORY.fullmatch(value):
        raise ValueError("an amount of memory must be a number with the unit b, k, m or g")
    return value.lower()


def _seconds(value: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", value):
        raise ValueError("the value must be a number of seconds")
    return float(value)


def _period(value: str) -> str:
    """Return a period in LiteLLM's form. `off` is what nothing is: the rows stay."""
    if value.lower() == "off":
        return ""
    if not re.fullmatch(r"[1-9][0-9]{0,4}[smhdw]", value):
        raise ValueError("a period is a whole number with s, m, h, d or w behind it, such as 30d, or off")
    return value


def _count(value: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,6}", value):
        raise ValueError("a limit must be a whole number above 0")
    return int(value)


def _user(value: str) -> tuple[int, int]:
    if not _USER.fullmatch(value):
        raise ValueError("a container user must be written as UID:GID, in numbers")
    uid, _, gid = value.partition(":")
    return int(uid), int(gid)


def _folder(value: str) -> Path:
    path = Path(value).expanduser()
    if not path.is_dir():
        raise ValueError("the value must be an existing folder")
    return path.resolve()


def _file(value: str) -> Path:
    path = Path(value).expanduser()
    if not path.is_file():
        raise ValueError("the value must be an existing file")
    return path.resolve()


def _host_user(environ: Mapping[str, str]) -> tuple[int, int]:
    """Return as whom the proxy runs: the user, also for root in the home of a user."""
    ids = os.getuid(), os.getgid()
    if ids[0] == 0:
        with suppress(OSError):
            found = Path(environ.get("HOME") or "/").stat()
            ids = found.st_uid, found.st_gid
    # A number of a directory service's may be one that an engine's user namespace lacks.
    return ids if ids[0] != 0 and max(ids) < 65536 else IMAGE_USER

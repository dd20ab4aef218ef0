"""Generate, read and rotate secrets. They are kept in `.env` and never shown.

`.env` (0600) is the source of truth. The containers get copies, in files that Compose mounts as secrets. Variables of
the process environment override the file, so that a key can be set for one command.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.client_env import FOR_CLIENTS, MARK
from run_claude.config.env_store import foreign, set_values, unset_values
from run_claude.config.files import exclusive, mend_mode, read_text
from run_claude.config.named_files import named_files
from run_claude.domain.causes import caused
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from run_claude.config.environment import Environment
    from run_claude.config.paths import Paths
    from run_claude.config.settings import Settings
    from run_claude.errors import RunClaudeError

__all__ = [
    "DATABASE_PASSWORD",
    "MASTER_KEY",
    "SALT_KEY",
    "UI_PASSWORD",
    "UI_USERNAME",
    "Secrets",
    "ensure_secrets",
    "forget",
    "has_secrets",
    "provider_keys",
    "read_master_key",
    "read_secrets",
    "rotate",
    "store",
]

MASTER_KEY = "LITELLM_MASTER_KEY"
DATABASE_PASSWORD = "RUN_CLAUDE_TIMESCALEDB_PASSWORD"  # noqa: S105 (a name)
SALT_KEY = "LITELLM_SALT_KEY"  # LiteLLM encrypts the models and credentials in its database with it: never rotated
UI_USERNAME, UI_PASSWORD = "UI_USERNAME", "UI_PASSWORD"  # the login to LiteLLM's admin pages

_OWN_FORM = re.compile(r"sk-[0-9a-f]{48}")  # as _generate makes them; no provider's keys are of it
_PUBLIC_KEYS = frozenset(
    {"sk-litellm-master-key-12345"}
)  # the default of earlier releases, public in their source code
_VERTEX = "VERTEXAI_CREDENTIALS"
_SHORTEST_KEY = 20  # LiteLLM rejects only `sk-1234`; other short keys can be guessed as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Secret values. ``repr`` does not show them, so neither does a traceback."""

    master_key: str = field(repr=False)
    database_password: str = field(repr=False)
    salt_key: str = field(repr=False)
    ui_username: str
    ui_password: str = field(repr=False)
    keys: dict[str, str] = field(repr=False)  # the providers' keys, by variable


def ensure_secrets(settings: Settings, given: Callable[[], Mapping[str, str]] = dict) -> list[str]:
    """Generate missing secrets into `.env`, and make it private. Return notes.

    :param given: what the containers were given last: where `.env` has gone, what the data depends on is taken from it
    :raises ConfigError: if the file cannot be used, or the master key is one that LiteLLM rejects
    """
    path = settings.paths.env_file
    why = foreign(path)
    notes = [note] if not why and (note := mend_mode(path, 0o600)) else []
    env = settings.environment()
    if env.get(MASTER_KEY):
        _check_master_key(env)  # before anything is written
    if missing := _missing(env):
        with exclusive(settings.paths.config):  # another run-claude may have generated them in the meantime
            env = settings.environment()
            if missing := _missing(env):
                kept = _of_the_data(given(), missing)
                fresh = _generate(missing) | _salt_of_before(env, missing) | kept
                target = set_values(path, fresh, always=False)
                if generated := [name for name in missing if name not in kept]:
                    notes.append(f"Generated {', '.join(generated)} in {target}.")
                if kept:
                    notes.append(f"Took {', '.join(kept)} over into {target} from what was started last.")
                if why:
                    notes.append(f"{path} {why}: it stays as it is.")
    return notes


def has_secrets(settings: Settings) -> bool:
    """Whether :func:`ensure_secrets` would find them all, in a file that only its owner can read.

    :raises ConfigError: if `.env` cannot be used
    """
    try:
        path = settings.paths.env_file
        private = bool(foreign(path)) or not path.stat().st_mode & 0o077
    except FileNotFoundError:
        private = True
    return private and not _missing(settings.environment())


def read_master_key(settings: Settings) -> str:
    """Return the proxy's own key. Clients get others: :func:`~run_claude.config.client_key.client_key`.

    :raises ConfigError: if there is none yet, or LiteLLM would reject it
    """
    return _check_master_key(settings.environment())


def read_secrets(settings: Settings, names: Iterable[str] = ()) -> Secrets:
    """Return the current secrets, with those providers' keys in ``names`` that are set.

    :raises ConfigError: if the master key or the database password is missing
    """
    env = settings.environment()
    master_key = _check_master_key(env)
    if missing := _missing(env):
        raise _not_there(env, missing[0])
    return Secrets(
        master_key=master_key,
        database_password=env.get(DATABASE_PASSWORD),
        salt_key=env.get(SALT_KEY) or master_key,  # as LiteLLM does without one
        ui_username=env.get(UI_USERNAME),
        ui_password=env.get(UI_PASSWORD),
        keys=provider_keys(env, names),
    )


def provider_keys(env: Environment, names: Iterable[str]) -> dict[str, str]:
    """Return the values of those variables in ``names`` that are set.

    A key of our own is none of a provider's: `run-claude env` sets OPENAI_API_KEY to one for clients, and a start from
    such a shell would send it to OpenAI. It may be a key from before a rotation, or another instance's; so what such a
    shell sets for clients does not count at all, and a key of the form that we generate counts nowhere.

    So is the name of a file that cannot be read (:func:`~run_claude.config.named_files.named_files` says why).
    """
    own = {env.get(MASTER_KEY), env.from_file(MASTER_KEY)} - {""}

    def is_ours(value: str) -> bool:
        return value in own or bool(_OWN_FORM.fullmatch(value))

    def value_of(name: str) -> str:
        value = env.get(name)
        for_clients = bool(env.process.get(MARK)) and name in FOR_CLIENTS
        return env.from_file(name) if for_clients or is_ours(value) else value

    wanted = sorted(set(names))
    keys = {name: value_of(name) for name in wanted}
    if _VERTEX in wanted and not keys[_VERTEX]:
        keys[_VERTEX] = _google_credentials(env)
    _, unusable = named_files(env, keys)
    return {name: value for name, value in keys.items() if value and not is_ours(value) and name not in unusable}


def _google_credentials(env: Environment) -> str:
    """Return the content of Google's credentials file, which the container cannot see."""
    path = env.get("GOOGLE_APPLICATION_CREDENTIALS")
    try:
        return (read_text(Path(path).expanduser()) or "").strip() if path else ""
    except (ConfigError, RuntimeError):
        return ""  # the variable belongs to other tools: never fail because of it


def store(settings: Settings, changes: Mapping[str, str]) -> Path:
    """Write values into `.env`, or into ours beside it where it is not ours to replace. Return the file.

    :raises ConfigError: if `.env` cannot be used, or would override one of them
    """
    with exclusive(settings.paths.config):
        return set_values(settings.paths.env_file, changes)


def forget(paths: Paths, names: Iterable[str]) -> tuple[Path, list[str]]:
    """Remove values from `.env`, or from ours beside it. Return the file, and the names that were in it.

    :raises ConfigError: if `.env` cannot be used, is not ours to change, or one of them is generated and needed
    """
    if own := sorted({MASTER_KEY, SALT_KEY, DATABASE_PASSWORD} & set(names)):
        raise caused(
            "secret-needed",
            f"{', '.join(own)} cannot be removed: run-claude generates it, and what is running has it.",
            help="`run-claude secrets rotate` replaces it; LITELLM_SALT_KEY is never replaced.",
        )
    with exclusive(paths.config):
        return unset_values(paths.env_file, names)


def rotate(settings: Settings, names: Iterable[str]) -> dict[str, str]:
    """Generate new values for these secrets, write them to `.env`, and return them. Nothing running is changed.

    `.env` is written first, the database after it: if the second step fails, it can be repeated from the file.

    :raises ConfigError: if one of them is set in the process environment, which would override the new value
    """
    wanted, env = list(names), settings.environment()
    for name in wanted:
        if settings.environ.get(name):
            raise caused(
                "secret-overridden",
                f"{name} is set in the environment, which overrides {env.path}.",
                help=f"Unset {name}, then rotate.",
                facts=env.facts(name),
            )
    if MASTER_KEY in wanted:
        ensure_secrets(settings)  # the salt key: without one LiteLLM has encrypted with the key that goes away now
    fresh = _generate(wanted)
    store(settings, fresh)
    return fresh


def _missing(env: Environment) -> list[str]:
    names = (MASTER_KEY, DATABASE_PASSWORD, SALT_KEY, UI_USERNAME, UI_PASSWORD)
    # A salt key in the place of the master key, with which LiteLLM has encrypted, would be the content of a file that
    # nothing may be copied from: LiteLLM takes the master key itself then.
    no_salt = foreign(env.path) and {MASTER_KEY, DATABASE_PASSWORD} <= env.file.keys() - env.ours
    return [name for name in names if not env.get(name) and not (name == SALT_KEY and no_salt)]


def _generate(names: Iterable[str]) -> dict[str, str]:
    """Return new values, in hexadecimal, which needs no quoting anywhere."""
    fresh = {name: os.urandom(24).hex() for name in names}
    # LiteLLM wants both keys to begin so; the name of the login is no secret.
    fresh |= {name: f"sk-{fresh[name]}" for name in (MASTER_KEY, SALT_KEY) if name in fresh}
    return fresh | ({UI_USERNAME: "admin"} if UI_USERNAME in fresh else {})


def _of_the_data(given: Mapping[str, str], missing: Iterable[str]) -> dict[str, str]:
    """Return what the database was made with, of what is missing: another value would lock its content away."""
    salt = given.get(SALT_KEY) or given.get(MASTER_KEY)
    known = {DATABASE_PASSWORD: given.get(DATABASE_PASSWORD), SALT_KEY: salt}
    return {name: value for name in missing if (value := known.get(name))}


def _salt_of_before(env: Environment, missing: Iterable[str]) -> dict[str, str]:
    """Return the salt key of an installation from before there was one: LiteLLM has encrypted with the master key.

    Another one would make the models and credentials in its database unreadable.
    """
    generated = env.from_file(MASTER_KEY) and env.from_file(DATABASE_PASSWORD)
    return {SALT_KEY: env.from_file(MASTER_KEY)} if generated and SALT_KEY in missing else {}


def _check_master_key(env: Environment) -> str:
    key = env.get(MASTER_KEY)
    if not key:
        raise _not_there(env, MASTER_KEY)
    problem = ""
    if not key.startswith("sk-"):
        problem = "does not begin with sk-, which LiteLLM requires"
    elif key in _PUBLIC_KEYS or len(key) < _SHORTEST_KEY or len(set(key[3:])) < 6:
        problem = "can be guessed"
    elif not re.fullmatch(r"[!-~]+", key):
        problem = "contains characters that cannot be sent in a header"
    if problem:
        raise caused(
            "master-key-refused",
            f"{env.origin(MASTER_KEY)}: the master key {problem}.",
            help="Remove the line: the next start generates a strong key.",
            facts=env.facts(MASTER_KEY),
        )
    return key


def _not_there(env: Environment, name: str) -> RunClaudeError:
    return caused("secret-missing", f"{env.path} has no {name} yet.", facts={"file": str(env.path), "key": name})

"""What was started last, from its files alone: what works without the user's configuration and keys.

The watcher heals with it, since a service of systemd's has not the keys that a shell had; and stopping a stack needs
no configuration that can be used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from run_claude.config import dotenv
from run_claude.config.files import read_text, write_atomic
from run_claude.config.secrets import MASTER_KEY, SALT_KEY
from run_claude.domain.causes import caused
from run_claude.domain.compose import Project
from run_claude.state import reader
from run_claude.state.session_files import remove_ended

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.config.paths import Paths

__all__ = [
    "Deployment",
    "deployed_database_password",
    "deployed_secrets",
    "is_complete",
    "is_deployed",
    "load_deployment",
    "withdraw_secrets",
]

_SECRET = frozenset({"DATABASE_PASSWORD"})  # of what begins with DATABASE_: it is in a file of its own, which stays


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What was started last.

    :param project: what Compose was given
    :param image: full reference of the proxy's image
    :param database: whether LiteLLM uses the database (it may run beside it without)
    """

    project: Project
    image: str
    database: bool


def is_deployed(paths: Paths) -> bool:
    """Whether anything of this instance was ever started here."""
    return paths.compose_env_file.exists()


def load_deployment(paths: Paths) -> Deployment:
    """Return what was started last.

    :raises ConfigError: if nothing was ever started here, or its files cannot be read
    """
    text = read_text(paths.compose_env_file)
    if text is None:
        raise caused(
            "never-started",
            f"The instance {paths.instance} was never started here.",
            facts={"file": str(paths.compose_env_file)},
        )
    variables = {name: value for name, (value, _) in dotenv.values(text, str(paths.compose_env_file), {}).items()}
    project = Project.of(paths.services, variables)
    # An older release, whose services folder it may still be, has all in its one compose file.
    there = (project.files[0], *(path for path in project.files[1:] if path.exists()))
    return Deployment(
        project=replace(project, files=there),
        image=variables.get("RUN_CLAUDE_LITELLM_IMAGE", ""),
        database="DATABASE_HOST" in deployed_secrets(paths),
    )


def deployed_secrets(paths: Paths) -> Mapping[str, str]:
    """Return what the proxy's container was given: its master key, its providers' keys, its database, by variable.

    A broken file counts as empty: the next start writes it again.
    """
    return reader.load(paths.litellm_secrets, lambda row: {name: row.text(name) for name in row})[0] or {}


def is_complete(paths: Paths) -> bool:
    """Whether what was started last can be started again from its own files: not after :func:`withdraw_secrets`."""
    return MASTER_KEY in deployed_secrets(paths)


def withdraw_secrets(paths: Paths) -> None:
    """Take from disk the secrets that only a running stack needs; the next start writes them again from `.env`.

    What stays is what the data in the volume depends on. LiteLLM has encrypted with its salt key, and the database
    knows its password: where `.env` is lost or broken, the next start takes both over from here, and `db start` works.
    Which database it is (host, user, name) is no secret, and says whether the proxy used one. All else goes: the master
    key, the providers' keys, the login of the admin pages, proxies' passwords, the content of named files, and the
    settings of sessions that have ended.

    :raises ConfigError: if a file cannot be written or removed
    """
    given = deployed_secrets(paths)
    if given:
        salt = given.get(SALT_KEY) or given.get(MASTER_KEY)  # as LiteLLM does without one
        kept = {name: value for name, value in given.items() if name.startswith("DATABASE_") and name not in _SECRET}
        content = json.dumps(kept | ({SALT_KEY: salt} if salt else {}), indent=1, sort_keys=True)
        write_atomic(paths.litellm_secrets, content + "\n")
    paths.build_secrets.unlink(missing_ok=True)
    remove_ended(paths)


def deployed_database_password(paths: Paths) -> str:
    """Return the password that the database's container was given; empty if there is none.

    :raises ConfigError: if the file cannot be read
    """
    return read_text(paths.database_secret) or ""

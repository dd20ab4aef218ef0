"""What a start would start, and the files that it needs, from the user's configuration. Reads only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from run_claude.config.addresses import exposed
from run_claude.config.catalogue import DEMO, Catalogue, load_catalogue
from run_claude.config.database_roles import LITELLM_ROLE, litellm_password
from run_claude.config.files import read_bytes
from run_claude.config.litellm_variables import missing_packages
from run_claude.config.named_files import FILE, named_files
from run_claude.config.secrets import (
    MASTER_KEY,
    SALT_KEY,
    UI_PASSWORD,
    UI_USERNAME,
    provider_keys,
    read_secrets,
)
from run_claude.config.settings import Prisma
from run_claude.deploy.compose_env import build_secrets, compose_variables, proxy_variables, render_compose_env
from run_claude.deploy.container_files import callbacks_digest, database_inputs
from run_claude.deploy.image import litellm_image
from run_claude.deploy.litellm_config import render_litellm_config
from run_claude.deploy.loopback import reachable_value
from run_claude.deploy.routing import render_profiles
from run_claude.domain.causes import caused
from run_claude.domain.compose import Project
from run_claude.domain.container_files import callbacks_volume
from run_claude.state.intent import load_intent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from run_claude.config.model import Profile
    from run_claude.config.settings import Settings
    from run_claude.errors import RunClaudeError

__all__ = ["Plan", "choose_profile", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a start is to start.

    :param project: what Compose is given
    :param database: whether LiteLLM uses the database (it may run beside it without)
    :param image: full reference of the proxy's image
    :param inputs: hash of the files that the proxy is created with
    :param fingerprint: hash of all that Compose is given: changed, a container may have to be recreated
    :param notes: what the user should know
    :param files: what the containers and Compose read, by path; keys among them
    :param build_secrets: what only a build reads; empty if there is nothing
    """

    profile: Profile
    project: Project
    database: bool
    image: str
    inputs: str
    fingerprint: str
    notes: tuple[str, ...] = ()
    files: Mapping[Path, bytes] = field(default_factory=dict, repr=False)
    build_secrets: str = field(default="", repr=False)


def plan(settings: Settings, *, profile: str | None, database: bool) -> Plan:
    """Return what a start would start now. Reads the user's files and writes nothing.

    :param profile: by name; by default the one used last, else the first whose keys are there, else `demo`
    :raises ConfigError: if a configuration file cannot be used, a key is missing, or no secrets were generated yet
    :raises UsageError: if there is no such profile
    """
    paths, env = settings.paths, settings.environment()
    catalogue = load_catalogue(paths)
    values = provider_keys(env, catalogue.variables)
    chosen, notes = choose_profile(settings, catalogue, values, profile)
    rendered = render_litellm_config(catalogue, values, spend_logs_retention=settings.spend_logs_retention)
    secrets = read_secrets(settings, rendered.variables)
    contents, _ = named_files(env, secrets.keys)
    _, unusable = named_files(env, {name: env.get(name) for name in rendered.named})
    notes += [*catalogue.notes, *rendered.notes, *unusable.values(), *exposed(settings)]
    if missing_packages(catalogue.sections, ""):  # unless the user has added them
        requirements = read_bytes(paths.services / "requirements.txt") or b""
        notes += missing_packages(catalogue.sections, requirements.decode(errors="replace"))
    uses_database = database and settings.prisma is not Prisma.OFF
    handed_over = {
        MASTER_KEY: secrets.master_key,
        SALT_KEY: secrets.salt_key,
        **{name: reachable_value(name, value) for name, value in secrets.keys.items() if name not in contents},
        **{f"{FILE}{name}": content for name, content in contents.items()},
        **proxy_variables(env),
    }
    if uses_database:
        handed_over |= {
            "DATABASE_HOST": "timescaledb",
            "DATABASE_USERNAME": LITELLM_ROLE,
            "DATABASE_PASSWORD": litellm_password(secrets.database_password),
            "DATABASE_NAME": LITELLM_ROLE,
            UI_USERNAME: secrets.ui_username,  # its admin pages need the database
            UI_PASSWORD: secrets.ui_password,
        }
    current = read_bytes(paths.litellm_config)
    files = {
        paths.litellm_config: current if current is not None and rendered.is_in(current) else rendered.content,
        paths.litellm_secrets: json.dumps(handed_over, indent=1, sort_keys=True).encode() + b"\n",
        paths.profiles_table: render_profiles(catalogue, values.__contains__),
        paths.database_secret: secrets.database_password.encode(),
    }
    ca_bundle = read_bytes(settings.ca_bundle) if settings.ca_bundle else None
    inputs = _hash(rendered.digest.encode(), files[paths.litellm_secrets], ca_bundle or b"")
    image = litellm_image(settings)
    callbacks = callbacks_volume(paths.instance, callbacks_digest(settings.callbacks)) if settings.callbacks else ""
    variables = compose_variables(
        settings, env, image=image, inputs=inputs, database_inputs=database_inputs(paths), callbacks=callbacks
    )
    files[paths.compose_env_file] = render_compose_env(variables).encode()
    project = Project.of(paths.services, variables)
    return Plan(
        profile=chosen,
        project=project,
        database=uses_database,
        image=image,
        inputs=inputs,
        fingerprint=_hash(files[paths.compose_env_file], *(read_bytes(path) or b"" for path in project.files)),
        notes=tuple(notes),
        files=files,
        build_secrets=build_secrets(env),
    )


def choose_profile(
    settings: Settings, catalogue: Catalogue, values: Mapping[str, str], name: str | None
) -> tuple[Profile, list[str]]:
    """Return the profile to serve, and notes: what of it is left out, or why it is this one.

    :param values: what the models' variables are set to
    :raises ConfigError: if the profile is named and none of its models has its key
    :raises UsageError: if there is no such profile
    """
    is_set, notes = values.__contains__, []
    if name is not None:
        profile = catalogue.profile(name)
        missing = catalogue.missing(profile, is_set)
        if not set(profile.served) - missing.keys() - profile.spare:
            raise _keys_missing(settings, profile, missing)
        notes += [f"{model} is left out: {' and '.join(names)} not set." for model, names in missing.items()]
        return profile, notes
    intent, note = load_intent(settings.paths.intent_file)
    notes += [note] if note else []
    if intent is not None:
        last = catalogue.profiles.get(intent.profile)
        if last is not None and catalogue.usable(last, is_set):
            return last, notes
        why = "is not there any more" if last is None else "lacks a key now"
        notes.append(f"Profile {intent.profile}, used last, {why}.")
    if (first := catalogue.first_usable(is_set)) is not None:
        if intent is None:
            notes.append(f"Profile {first.name} is used: its keys are there.")
        return first, notes
    notes.append(
        f"Profile demo is used: no provider's key is set. Put one into {settings.paths.env_file},"
        " or see `run-claude profiles list`."
    )
    return catalogue.profile(DEMO), notes


def _keys_missing(settings: Settings, profile: Profile, missing: Mapping[str, tuple[str, ...]]) -> RunClaudeError:
    names = sorted({name for lacking in missing.values() for name in lacking})
    return caused(
        "key-missing",
        f"Profile {profile.name} cannot be used: {' and '.join(names)} not set.",
        help=f"Put it into {settings.paths.env_file} as {names[0].split()[0]}=…, or set it in the environment.",
        facts={"profile": profile.name, "missing": names},
    )


def _hash(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:12]

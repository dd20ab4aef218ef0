"""Everything that a start needs on disk, from what the user has settled."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from run_claude.config.catalogue import DEMO, Catalogue, load_catalogue
from run_claude.config.files import read_bytes, write_if_changed
from run_claude.config.secrets import provider_keys, read_secrets
from run_claude.deploy.compose_env import build_secrets, compose_variables, proxy_variables, render_compose_env
from run_claude.deploy.image import litellm_image
from run_claude.deploy.litellm_config import render_litellm_config
from run_claude.errors import ConfigError
from run_claude.state.intent import load_intent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from run_claude.config.model import Profile
    from run_claude.config.settings import Settings

__all__ = ["Prepared", "choose_profile", "plan", "prepare"]

COMPOSE_FILE = "docker-compose.yaml"
CALLBACKS_FILE = "docker-compose.callbacks.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a start is to start.

    :param database: whether LiteLLM uses the database (it may run beside it without)
    :param image: full reference of the image
    :param inputs: hash of the files that the proxy is created with
    :param fingerprint: hash of all that Compose is given: changed, a container may have to be recreated
    :param notes: what the user should be told
    """

    profile: Profile
    database: bool
    image: str
    inputs: str
    fingerprint: str
    compose_files: tuple[Path, ...]
    compose_variables: Mapping[str, str]
    applied_file: Path
    notes: tuple[str, ...] = ()
    files: Mapping[Path, bytes] = field(default_factory=dict, repr=False)  # keys among them
    for_container: frozenset[Path] = frozenset()  # of these, those that the proxy's own user reads


def prepare(
    settings: Settings, *, profile: str | None, database: bool, prisma_in_image: bool | None = None
) -> Prepared:
    """Make everything that a start needs, on disk, and return what is to be started. A second call writes nothing.

    :param profile: by name; without one the one used last, else the first whose keys are there, else `demo`
    :param prisma_in_image: what the image's label says, where it is known; else what it is to be built with
    :raises ConfigError: if something of the user's cannot be used, or the profile's keys are missing
    :raises UsageError: if there is no such profile
    """
    from run_claude.deploy.initialize import ensure_initialized  # not for a plan

    notes = ensure_initialized(settings)
    planned = plan(settings, profile=profile, database=database, prisma_in_image=prisma_in_image)
    give_away = os.geteuid() == 0
    for path, data in planned.files.items():
        owner = settings.container_user if give_away and path in planned.for_container else None
        write_if_changed(path, data, owner=owner)
    if settings.paths.build_secrets not in planned.files:
        settings.paths.build_secrets.unlink(missing_ok=True)
    return _with_notes(planned, notes)


def plan(settings: Settings, *, profile: str | None, database: bool, prisma_in_image: bool | None = None) -> Prepared:
    """Return what :func:`prepare` would, and write nothing: what `status` compares with what runs.

    :raises ConfigError: also if nothing was ever prepared
    :raises UsageError: if there is no such profile
    """
    paths, env = settings.paths, settings.environment()
    catalogue = load_catalogue(paths)
    values = provider_keys(env, catalogue.variables)
    chosen, notes = choose_profile(settings, catalogue, values, profile)
    rendered = render_litellm_config(catalogue, values)
    secrets = read_secrets(settings, rendered.variables)
    uses_database = database and (settings.prisma if prisma_in_image is None else prisma_in_image)
    handed_over = {"LITELLM_MASTER_KEY": secrets.master_key, **secrets.keys, **proxy_variables(env)}
    if uses_database:
        handed_over |= {
            "DATABASE_HOST": "timescaledb",
            "DATABASE_USERNAME": "postgres",
            "DATABASE_PASSWORD": secrets.database_password,
            "DATABASE_NAME": "litellm",
        }
    current = read_bytes(paths.litellm_config)
    files = {
        paths.litellm_config: current if current is not None and rendered.is_in(current) else rendered.content,
        paths.litellm_secrets: json.dumps(handed_over, indent=1, sort_keys=True).encode() + b"\n",
        paths.database_secret: secrets.database_password.encode(),
    }
    inputs = _hash(rendered.digest.encode(), files[paths.litellm_secrets])
    image = litellm_image(settings)
    variables = compose_variables(settings, env, image=image, inputs=inputs)
    files[paths.compose_env_file] = render_compose_env(variables).encode()
    if build := build_secrets(env):
        files[paths.build_secrets] = build.encode()
    compose_files = [paths.services / COMPOSE_FILE]
    if settings.callbacks is not None:
        compose_files.append(paths.services / CALLBACKS_FILE)
    return Prepared(
        profile=chosen,
        database=uses_database,
        image=image,
        inputs=inputs,
        fingerprint=_hash(files[paths.compose_env_file], *(read_bytes(path) or b"" for path in compose_files)),
        compose_files=tuple(compose_files),
        compose_variables=variables,
        applied_file=paths.applied_file,
        notes=tuple(notes),
        files=files,
        for_container=frozenset({paths.litellm_config, paths.litellm_secrets}),
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
        if missing and len(missing) == len(profile.served):
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


def _keys_missing(settings: Settings, profile: Profile, missing: Mapping[str, tuple[str, ...]]) -> ConfigError:
    names = sorted({name for lacking in missing.values() for name in lacking})
    return ConfigError(
        f"Profile {profile.name} cannot be used: {' and '.join(names)} not set.",
        help=f"Put it into {settings.paths.env_file} as {names[0].split()[0]}=…, or set it in the environment.",
        code="key-missing",
        facts={"profile": profile.name, "missing": names},
    )


def _with_notes(planned: Prepared, notes: list[str]) -> Prepared:
    from dataclasses import replace

    return replace(planned, notes=(*notes, *planned.notes))


def _hash(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:12]

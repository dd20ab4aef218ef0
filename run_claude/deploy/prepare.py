"""Write what a start needs. The caller holds the instance's lock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from run_claude.config.files import is_written, read_bytes, write_if_changed
from run_claude.deploy.initialize import ensure_initialized
from run_claude.deploy.plan import Plan, plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from run_claude.config.settings import Settings

__all__ = ["initialized_plan", "prepare", "put_back", "unwritten", "write_plan"]


def prepare(settings: Settings, *, profile: str | None, database: bool) -> Plan:
    """Make everything that a start needs and return what is to be started. A second call writes nothing.

    :raises ConfigError: as :func:`~run_claude.deploy.plan.plan` does, or if a file cannot be written
    :raises UsageError: if there is no such profile
    """
    planned = initialized_plan(settings, profile=profile, database=database)
    write_plan(settings, planned)
    return planned


def initialized_plan(settings: Settings, *, profile: str | None, database: bool) -> Plan:
    """Make what a plan stands on (folders, secrets, the services folder), and return the plan.

    :raises ConfigError: as :func:`prepare` does
    :raises UsageError: if there is no such profile
    """
    notes = ensure_initialized(settings)
    planned = plan(settings, profile=profile, database=database)
    return replace(planned, notes=(*notes, *planned.notes))


def write_plan(settings: Settings, planned: Plan) -> Mapping[Path, bytes]:
    """Write the files of a plan that differ on disk, and return those that were there before as they were.

    :raises ConfigError: if one cannot be written
    """
    before = {path: data for path in planned.files if (data := read_bytes(path)) is not None}
    for path, data in planned.files.items():
        write_if_changed(path, data)
    build_secrets = settings.paths.build_secrets
    if planned.build_secrets:
        write_if_changed(build_secrets, planned.build_secrets)
    else:
        build_secrets.unlink(missing_ok=True)
    return before


def put_back(settings: Settings, planned: Plan, before: Mapping[Path, bytes]) -> None:
    """Write the files of a plan as they were before: what was started from them runs on.

    :raises ConfigError: if one cannot be written
    """
    for path, data in before.items():
        write_if_changed(path, data)


def unwritten(settings: Settings, planned: Plan) -> list[Path]:
    """Return the files whose content or mode differs from the plan. What only a build reads is passed over.

    :raises ConfigError: if one cannot be read
    """
    return [path for path, data in planned.files.items() if not is_written(path, data)]

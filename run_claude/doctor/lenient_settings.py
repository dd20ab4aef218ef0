"""Settings to examine a machine with, also where the user's own cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.config.paths import DEFAULT_INSTANCE, Paths
from run_claude.config.settings import Settings, load_settings
from run_claude.doctor.findings import failed
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.doctor.findings import Finding

__all__ = ["lenient_settings"]


def lenient_settings(environ: Mapping[str, str], instance: str | None) -> tuple[Settings, list[Finding]]:
    """Return the settings; where they cannot be used, the defaults and what is wrong with the user's own.

    :raises ConfigError: if not even the folders are known
    :raises UsageError: if the instance's name cannot be used
    """
    try:
        return load_settings(environ, instance=instance), []
    except ConfigError as error:
        name = instance or DEFAULT_INSTANCE
        settings = Settings(instance=name, paths=Paths.resolve(environ, name), environ=environ)
        return settings, [failed("settings", error)]

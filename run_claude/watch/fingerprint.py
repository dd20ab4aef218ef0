"""The fingerprint of what the user can change: when it differs, a cause that no restart removes may be gone."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from run_claude.config.addresses import deployed_addresses, published
from run_claude.domain.compose import COMPOSE_FILE
from run_claude.errors import ConfigError
from run_claude.stack.holders import is_free
from run_claude.state.deployed import load_deployment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from run_claude.config.addresses import Address
    from run_claude.config.settings import Settings

__all__ = ["fingerprint"]


def fingerprint(settings: Settings, *, intended: float, code: str) -> str:
    """Return the fingerprint as it is now; the next watcher's is the same.

    :param intended: when the user last said what is wanted (seconds since the epoch)
    :param code: the cause that blocks; empty if none does
    """
    paths = settings.paths
    files = (paths.env_file, paths.models_file, paths.profiles_file, paths.litellm_config, paths.litellm_secrets)
    marks: list[object] = [intended]
    for path in (*files, paths.services / COMPOSE_FILE):
        try:
            found = path.stat()
            marks.append((found.st_mtime_ns, found.st_size, found.st_ino))
        except OSError:
            marks.append(None)
    if code == "port-taken":
        marks += [is_free(address.bind, address.port) for address in _addresses(settings)]
    return f"{zlib.crc32(repr(marks).encode()):08x}"


def _addresses(settings: Settings) -> Iterable[Address]:
    """Return where the watcher starts: as at the last start, whatever the settings say now."""
    try:
        found = deployed_addresses(load_deployment(settings.paths).project.variables)
    except (ConfigError, ValueError):
        found = {}
    return (found or published(settings)).values()

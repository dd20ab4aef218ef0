"""The settings of an instance with what was said at its starts: see :mod:`run_claude.domain.remembered`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.config.addresses import deployed_addresses
from run_claude.config.files import read_bytes
from run_claude.config.paths import DEFAULT_INSTANCE, Paths
from run_claude.config.settings import Settings
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Service
from run_claude.domain.remembered import OFF, VARIABLES, choose
from run_claude.errors import ConfigError
from run_claude.state.deployed import load_deployment
from run_claude.state.intent import load_intent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["as_deployed", "as_remembered"]


def as_deployed(environ: Mapping[str, str], instance: str | None, error: ConfigError) -> Settings:
    """Return the settings of the last start, where the user's cannot be used: for what needs nothing newer.

    :param error: why they cannot be used: raised again where nothing was started, or where it is not sure which
        instance is meant, because a file that cannot be read may name it
    """
    name = instance or environ.get("RUN_CLAUDE_INSTANCE") or DEFAULT_INSTANCE
    paths = Paths.resolve(environ, name)
    if not (instance or environ.get("RUN_CLAUDE_INSTANCE")) and _names_instance(paths.env_file):
        raise error
    try:
        variables = load_deployment(paths).project.variables
        ports = {field: variables[variable] for field, variable in VARIABLES.items()}
        addresses = deployed_addresses(variables)
    except (ConfigError, KeyError, ValueError):
        raise error from None
    return Settings(
        instance=name,
        paths=paths,
        bind=addresses[Service.LITELLM].bind,
        port=addresses[Service.LITELLM].port,
        database_port=int(ports["database_port"]) if ports["database_port"] else None,
        database_bind=addresses[Service.TIMESCALEDB].bind if Service.TIMESCALEDB in addresses else "127.0.0.1",
        timescaledb_image=variables.get("RUN_CLAUDE_TIMESCALEDB_IMAGE", ""),
        configured={field: port or OFF for field, port in ports.items()},
        environ=environ,
    )


def _names_instance(path: Path) -> bool:
    try:
        return b"RUN_CLAUDE_INSTANCE" in (read_bytes(path) or b"")  # a pipe as well, without waiting for it again
    except ConfigError:
        return True


def as_remembered(settings: Settings) -> Settings:
    """Return the settings as they are for this instance now. Applied again, it gives the same.

    :raises ConfigError: if two services would use one port
    """
    intent = load_intent(settings.paths.intent_file)[0]
    words = intent.said if intent is not None else {}
    chosen = {
        name: choose(
            settings.asked.get(name, ""), settings.configured.get(name, ""), words.get(name), settings.lasting.get(name)
        )
        for name in VARIABLES
    }
    now = settings.chosen(chosen)
    if now.port == now.database_port:
        raise caused(
            "port-invalid",
            f"The proxy and the database cannot both use port {now.port}.",
            help="Set LITELLM_PORT or RUN_CLAUDE_TIMESCALEDB_PORT to another port, or say --port or --db-port.",
            facts={"port": now.port},
        )
    return now

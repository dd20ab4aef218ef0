"""Check what would divert a client from the proxy: Claude Code's settings files, and variables of the shell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.catalogue import load_catalogue
from run_claude.config.claude_settings import diversions
from run_claude.config.client_env import client_environment
from run_claude.config.client_key import client_key
from run_claude.config.secrets import provider_keys, read_master_key
from run_claude.deploy.plan import choose_profile
from run_claude.doctor.findings import Finding, Mark
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from run_claude.doctor.context import Context

__all__ = ["clients"]


async def clients(context: Context) -> list[Finding]:
    """Check whether Claude Code, started in this folder, would use the proxy."""
    settings = context.settings
    try:
        read_master_key(settings)
    except ConfigError:
        return [Finding(check="clients", mark=Mark.SKIPPED, text="no master key yet")]  # another finding says more
    catalogue = load_catalogue(settings.paths)
    values = provider_keys(settings.environment(), catalogue.variables)
    profile, _ = choose_profile(settings, catalogue, values, None)
    variables = client_environment(settings, profile, client_key(settings, profile.name))
    found = diversions(settings.environ, Path.cwd(), variables)
    if not found:
        return [Finding(check="clients", mark=Mark.OK, text="no settings of Claude Code divert it from the proxy")]
    return [
        Finding(
            check="clients",
            mark=Mark.NOTE,
            text=f"{one}, which diverts Claude Code from the proxy",
            help="Managed settings win over everything: ask your administrator."
            if one.managed
            else "`run-claude with PROFILE -- claude` overrides it; a plain `claude` does not.",
            facts={"file": str(one.path), "names": list(one.names)},
        )
        for one in found
    ]

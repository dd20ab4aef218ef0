"""Check the servers of local models, from inside LiteLLM's container, which costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.config.catalogue import load_catalogue
from run_claude.doctor.findings import Finding, Mark, failed
from run_claude.stack.local_servers import look_at_servers

if TYPE_CHECKING:
    from run_claude.doctor.context import Context

__all__ = ["servers"]


async def servers(context: Context) -> list[Finding]:
    """Check that each local server can be reached by the proxy, and speaks what its models expect."""
    if not await context.reachable() or not (await context.snapshot()).litellm.running:
        return [Finding(check="servers", mark=Mark.SKIPPED, text="the proxy is not running")]
    settings = context.settings
    found = await look_at_servers(context.session, settings, load_catalogue(settings.paths))
    if not found:
        return [Finding(check="servers", mark=Mark.OK, text="no model has a server on this machine")]
    return [
        failed("servers", failure)
        if failure
        else Finding(
            check="servers",
            mark=Mark.OK,
            text=f"{server.base} can be reached by the proxy ({', '.join(server.models)})",
        )
        for server, failure in found
    ]

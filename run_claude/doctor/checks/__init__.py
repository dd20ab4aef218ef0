"""Run all checks at the same time, each with a deadline, so that none can hide another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from run_claude.doctor.checks import clients, engine, files, machine, servers, stack
from run_claude.doctor.context import Context
from run_claude.doctor.findings import Finding, Mark, failed
from run_claude.errors import RunClaudeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from run_claude.config.settings import Settings

    Check = Callable[[Context], Awaitable[Sequence[Finding]]]

__all__ = ["CHECKS", "diagnose"]

_WITHIN = 15.0  # seconds for one check; a frozen engine is recognised after 10

# In the order of the table: what others depend on comes first.
CHECKS: Mapping[str, Check] = {
    "machine": machine.machine,
    "engine": engine.engine,
    "context": engine.context,
    "compose": engine.compose,
    "ports": machine.ports,
    "files": files.files,
    "config": files.config,
    "secrets": files.secrets,
    "services": files.services,
    "clients": clients.clients,
    "image": stack.image,
    "volume": stack.volume,
    "containers": stack.containers,
    "drift": stack.drift,
    "watch": stack.watch,
    "servers": servers.servers,
    "answer": stack.answer,
}


async def diagnose(settings: Settings, *, within: float = _WITHIN) -> list[Finding]:
    """Run all checks, and return their findings in the order of the table.

    :param within: seconds for each check
    """
    found: dict[str, Sequence[Finding]] = {}
    async with Context.open(settings) as context, anyio.create_task_group() as group:
        for name, check in CHECKS.items():
            group.start_soon(_run, name, check, context, found, within)
    return [finding for name in CHECKS for finding in found[name]]


async def _run(name: str, check: Check, context: Context, found: dict[str, Sequence[Finding]], within: float) -> None:
    help = "Run it again. If it fails again, report it with `run-claude doctor --report FILE`."
    try:
        with anyio.fail_after(within):
            found[name] = await check(context)
    except TimeoutError:
        text = f"no answer within {within:g} s"
        found[name] = [Finding(check=name, mark=Mark.FAILED, text=text, help=help, code="engine-frozen")]
    except RunClaudeError as error:
        found[name] = [failed(name, error)]
    except Exception as error:  # a bug in one check must not take the others with it
        text = f"internal error in this check: {type(error).__name__}: {error}"
        found[name] = [Finding(check=name, mark=Mark.FAILED, text=text, help=help, code="internal")]

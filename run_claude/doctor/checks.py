"""All checks at once, each with a deadline; none can hide another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from run_claude.doctor import files, machine, running
from run_claude.doctor.context import Context
from run_claude.doctor.findings import Finding, Mark, failed
from run_claude.errors import RunClaudeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from run_claude.config.settings import Settings

    Check = Callable[[Context], Awaitable[Sequence[Finding]]]

__all__ = ["CHECKS", "diagnose"]

_WITHIN = 15.0  # seconds for one check; a frozen engine takes 10 to be told as such

# In the order of the table: what the next ones stand on comes first.
CHECKS: Mapping[str, Check] = {
    "machine": machine.machine,
    "engine": machine.engine,
    "context": machine.context,
    "compose": machine.compose,
    "ports": machine.ports,
    "files": files.files,
    "config": files.config,
    "secrets": files.secrets,
    "services": files.services,
    "image": running.image,
    "volume": running.volume,
    "containers": running.containers,
    "drift": running.drift,
    "watch": running.watch,
    "way": running.way,
}


async def diagnose(settings: Settings, *, within: float = _WITHIN) -> list[Finding]:
    """Return what every check has found, in the order of the table.

    :param within: seconds for each check
    """
    found: dict[str, Sequence[Finding]] = {}
    async with Context.open(settings) as context, anyio.create_task_group() as group:
        for name, check in CHECKS.items():
            group.start_soon(_run, name, check, context, found, within)
    return [finding for name in CHECKS for finding in found[name]]


async def _run(name: str, check: Check, context: Context, found: dict[str, Sequence[Finding]], within: float) -> None:
    help = "Run it again; if it stays so, report it with `run-claude doctor --report FILE`."
    try:
        with anyio.fail_after(within):
            found[name] = await check(context)
    except TimeoutError:
        text = f"no answer within {within:g} s"
        found[name] = [Finding(check=name, mark=Mark.FAILED, text=text, help=help, code="engine-frozen")]
    except RunClaudeError as error:
        found[name] = [failed(name, error)]
    except Exception as error:  # a mistake of this check's own must not take the others with it
        text = f"the check itself failed: {type(error).__name__}: {error}"
        found[name] = [Finding(check=name, mark=Mark.FAILED, text=text, help=help, code="internal")]

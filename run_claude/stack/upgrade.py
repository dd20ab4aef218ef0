"""Migrate the database before one image replaces another: where that fails, the one that works runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from run_claude.config.files import read_text
from run_claude.domain.causes import caused
from run_claude.domain.diagnosis import proxy_log, service_failure
from run_claude.domain.lifecycle import Phase, Service, ServiceState
from run_claude.stack.evidence import entrypoint_key
from run_claude.stack.log_redaction import shown
from run_claude.stack.takeover import make_roles
from run_claude.state.deployed import deployed_database_password

if TYPE_CHECKING:
    from run_claude.deploy.plan import Plan
    from run_claude.domain.compose import Compose
    from run_claude.domain.lifecycle import Snapshot
    from run_claude.errors import RunClaudeError
    from run_claude.stack.session import Session
    from run_claude.state.deployed import Deployment

__all__ = ["migrate_ahead"]

_RUNS_ON = "runs_on"  # the fact of an error that says: nothing was stopped, and which image it is
_COMMAND = ("python", "-m", "boot.upgrade")
_FAILED = 2  # the exit code of a failed migration; any other is for the start to tell


async def migrate_ahead(
    session: Session, compose: Compose, what: Plan | Deployment, before: Snapshot, within: float
) -> None:
    """Let the new image migrate the database while the old one still serves, if this start replaces it.

    LiteLLM's migrations are made for that: several releases of it may be at one database. Costs a second, and only
    where the image is another one.

    :param within: seconds; a migration may have to wait for a lock
    :raises StartError: if a migration fails; nothing was stopped
    :raises StartTimeout: if it takes longer; nothing was stopped
    """
    litellm = before.litellm
    replaced = litellm.phase is Phase.HEALTHY and litellm.image != what.image
    if not replaced or not what.database or before.timescaledb.phase is not Phase.HEALTHY:
        return
    session.reporter.step("Migrating LiteLLM's database")
    try:
        with anyio.fail_after(within):
            # The database may be of a release that had none.
            await make_roles(compose, deployed_database_password(session.settings.paths))
            # Its volume of files holds what the image before was given.
            secrets = read_text(session.settings.paths.litellm_secrets) or ""
            code, lines = await compose.run(Service.LITELLM, _COMMAND, text=secrets)
    except TimeoutError as error:
        words = f"LiteLLM's database was not migrated within {within:g} s"
        raise _runs_on("database-migration-timeout", words, litellm) from error
    if code == _FAILED:
        said = proxy_log(lines, entrypoint_key(session), told=shown(session.settings))
        told = service_failure(Service.LITELLM, "died", ServiceState(exit_code=_FAILED), said)
        raise _runs_on(told.code, told.message.rstrip("."), litellm, detail=told.detail)


def _runs_on(code: str, words: str, litellm: ServiceState, *, detail: str = "") -> RunClaudeError:
    facts = {"service": Service.LITELLM.value, "container": litellm.name, _RUNS_ON: litellm.image}
    return caused(code, f"{words}. Nothing was stopped: the image before runs on.", detail=detail, facts=facts)

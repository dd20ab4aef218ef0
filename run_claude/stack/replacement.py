"""Start a plan where something may run already: what works is given up only for what works."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from run_claude.deploy.prepare import put_back, write_plan
from run_claude.domain.lifecycle import Phase, Service
from run_claude.errors import RunClaudeError
from run_claude.stack.delivery import clear_callbacks, deliver
from run_claude.stack.old_images import record_and_clear_images
from run_claude.stack.start import Start
from run_claude.stack.started import DEFAULT_TIMEOUT
from run_claude.state.applied import load_applied, record_applied
from run_claude.state.deployed import load_deployment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from run_claude.deploy.plan import Plan
    from run_claude.domain.lifecycle import Snapshot
    from run_claude.stack.session import Session
    from run_claude.stack.start import Healthy

__all__ = ["start_plan"]


async def start_plan(
    session: Session,
    planned: Plan,
    services: tuple[Service, ...],
    timeout: float,  # noqa: ASYNC109 (it becomes one fail_after in Start)
    before: Snapshot,
    *,
    command: str = "proxy start",
    anew: bool = False,
) -> Healthy:
    """Write the plan and start it. Hold the instance's lock.

    While something works, all that can be known is checked before it is touched: engine, ports, volume, images. If the
    new does not get healthy, the old is started again from its own files.

    :param before: the look on which the start was decided
    :param command: for `status`, if it is killed half-way
    :param anew: stop the proxy before, also where nothing has changed
    :raises RunClaudeError: as :meth:`Start.run <run_claude.stack.start.Start.run>` does
    """
    paths, left = session.settings.paths, session.unfinished()
    give_password = left is not None and left.password and Service.TIMESCALEDB in services
    start = Start(session, planned, services, timeout, before, command=command, anew=anew, give_password=give_password)
    works = any(before[service].phase is Phase.HEALTHY for service in services)
    kept: Mapping[Path, bytes] = {}
    if works:
        await start.check()
    try:
        before_files = await anyio.to_thread.run_sync(write_plan, session.settings, planned)
        kept = before_files if works else {}
        done = await start.run()
    except BaseException as error:
        if kept and not start.acted:
            put_back(session.settings, planned, kept)
        elif kept and isinstance(error, RunClaudeError):
            with suppress(RunClaudeError):  # the first error is the one to report
                await _put_back(session, planned, kept, before)
        raise
    record_applied(paths.applied_file, planned.fingerprint, done.snapshot, services)
    if used := planned.project.variables.get("RUN_CLAUDE_CALLBACKS_VOLUME"):
        with suppress(RunClaudeError):  # they only take space
            await clear_callbacks(session, used)
    await record_and_clear_images(session, before, done.snapshot)
    return done


async def _put_back(session: Session, planned: Plan, kept: Mapping[Path, bytes], before: Snapshot) -> None:
    """Start what was healthy before, and is not any more, from the files that it was started with."""
    was = [service for service in Service if before[service].phase is Phase.HEALTHY]
    now = await session.look()
    lost = [
        service for service in was if now[service].phase is not Phase.HEALTHY or now[service].id != before[service].id
    ]
    if not was:
        return
    put_back(session.settings, planned, kept)
    deployed = load_deployment(session.settings.paths)
    if not lost:
        await deliver(session, deployed, was)
    else:
        session.reporter.step("Putting back what ran before")
        done = await Start(session, deployed, tuple(was), DEFAULT_TIMEOUT, now).run()
        applied = load_applied(session.settings.paths.applied_file)
        record_applied(session.settings.paths.applied_file, applied.fingerprint, done.snapshot, was)
    session.reporter.note("What ran before runs again.")

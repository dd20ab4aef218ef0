"""Check the engine, the Docker context that selects it, and Compose."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from run_claude.docker.process import run
from run_claude.doctor.findings import Finding, Mark, failed, judge_compose, judge_engine
from run_claude.domain.causes import caused
from run_claude.domain.diagnosis import compose_failure
from run_claude.stack.fitness import check_api, check_command

if TYPE_CHECKING:
    from run_claude.doctor.context import Context

__all__ = ["compose", "context", "engine"]


async def engine(context: Context) -> list[Finding]:
    """Check that the engine answers, is new enough, is Docker's, and is on this machine."""
    api, info = await context.api(), await context.info()
    version, milliseconds = (0, 0), math.inf
    for _ in range(3):  # other checks run at the same time: the best of three is the engine's own
        begin = time.perf_counter()
        version = await api.version()
        milliseconds = min(milliseconds, (time.perf_counter() - begin) * 1000)
    details = f"{info.get('OperatingSystem') or 'unknown system'}, {info.get('Architecture') or 'unknown'}"
    name = f"Docker {info.get('ServerVersion') or 'unknown'}"
    finding = judge_engine(name, version, milliseconds=milliseconds, details=details)
    if finding.mark is Mark.OK:
        await check_api(context.session)
    return [finding]


async def context(context: Context) -> list[Finding]:
    """Say which engine is used, and why that one."""
    endpoint, environ = context.endpoint, context.settings.environ
    if environ.get("DOCKER_HOST"):
        why = "DOCKER_HOST"
        if environ.get("DOCKER_CONTEXT"):
            why += ", which overrides DOCKER_CONTEXT"
    else:
        why = f"context {endpoint.context}" if endpoint.context else "default context"
    return [Finding(check="context", mark=Mark.OK, text=f"{endpoint.host} ({why})", facts={"endpoint": endpoint.host})]


async def compose(context: Context) -> list[Finding]:
    """Check that the docker command exists and its Compose plugin is new enough."""
    await check_command(context.settings.environ)
    try:
        done = await run(["docker", "compose", "version", "--short"], env=context.settings.environ)
    except FileNotFoundError:
        missing = caused("docker-cli-missing", "There is no docker command.")
        return [failed("compose", missing)]
    if done.returncode != 0:
        return [failed("compose", compose_failure("version", done.returncode, done.stderr))]
    return [judge_compose(done.stdout.strip())]

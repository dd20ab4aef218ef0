"""Check the engine, the Docker context that selects it, and Compose."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.docker.process import run
from run_claude.doctor.findings import Finding, Mark, failed, judge_clock, judge_compose, judge_engine, judge_limits
from run_claude.domain.causes import caused
from run_claude.domain.diagnosis import compose_failure
from run_claude.domain.lifecycle import parse_time
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
    if finding.mark is not Mark.FAILED:
        await check_api(context.session)
    told_ns = parse_time(info.get("SystemTime"))
    clock = judge_clock(told_ns / 1e9 - time.time()) if told_ns else []
    return [finding, *clock, *judge_limits(info)]


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
    try:
        await check_command(context.settings.environ)
        done = await run(["docker", "compose", "version", "--short"], env=context.settings.environ)
    except FileNotFoundError:
        missing = caused("docker-cli-missing", "There is no docker command.")
        return [failed("compose", missing)]
    if done.returncode != 0:
        return [failed("compose", compose_failure("version", done.returncode, done.stderr))]
    return [judge_compose(done.stdout.strip()), *_confined(context)]


def _confined(context: Context) -> list[Finding]:
    """Tell of a docker command from a snap, which sees no hidden folder of the user's home."""
    settings = context.settings
    command = shutil.which("docker", path=settings.environ.get("PATH"))
    if command is None or not ("/snap/" in command or Path(command).resolve().name == "snap"):
        return []
    home = Path(settings.environ.get("HOME", "/"))
    ours = [path for path in (settings.paths.config, settings.paths.state) if path.is_relative_to(home)]
    hidden = [str(path) for path in ours if any(part.startswith(".") for part in path.relative_to(home).parts)]
    if not hidden:
        return []
    error = caused("files-out-of-reach", f"Docker is a snap, which cannot read {' and '.join(hidden)}.")
    return [failed("compose", error)]

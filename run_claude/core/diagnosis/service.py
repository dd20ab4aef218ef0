"""Why a container does not get healthy: its exit code, its log, what the engine says of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from run_claude.core.errors import StartError, StartTimeout
from run_claude.core.lifecycle import Phase, Service, ServiceState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["service_failure", "start_timeout"]

_Reading = tuple[str, str, str, str]  # pattern, code, message, help

_LOG_READINGS: dict[Service, tuple[_Reading, ...]] = {
    Service.LITELLM: (
        (
            r"run-claude: error: (.+)",
            "litellm-config",
            "LiteLLM cannot start: {0}",
            "Repair what it names, then start again.",
        ),
        (
            r"(?i)(?:weak|insecure|default).{0,40}master.?key|master.?key.{0,60}(?:weak|insecure|too short)",
            "master-key-refused",
            "LiteLLM refuses the master key.",
            "Make a new one with `run-claude secrets rotate`.",
        ),
        (
            r"yaml\.(?:scanner|parser)\.\w+Error",
            "litellm-config",
            "litellm_config.yaml is no valid YAML.",
            "Start again: it is generated.",
        ),
        (
            r"(?i)(?:P1000|password authentication failed)",
            "database-password",
            "The database refuses the password: the volume was made with another one.",
            "Put the old RUN_CLAUDE_TIMESCALEDB_PASSWORD back into .env.",
        ),
        (
            r"(?i)prisma.*(?:migrate|migration).*(?:fail|error)|P3\d{3}",
            "migration-failed",
            "A migration of LiteLLM's database failed.",
            "Read the log below; start without the database with --no-db meanwhile.",
        ),
        (
            r"(?i)no space left on device",
            "disk-full",
            "The disk is full.",
            "Free some: `docker system df` shows what takes it.",
        ),
    ),
    Service.TIMESCALEDB: (
        (
            r"(?i)database files are incompatible with server|initialized by PostgreSQL version (\S+)",
            "database-version",
            "The database volume was made by another major version of PostgreSQL.",
            "Set RUN_CLAUDE_TIMESCALEDB_IMAGE to the old version, dump, and restore into a new volume.",
        ),
        (
            r"(?i)no space left on device",
            "disk-full",
            "The disk is full.",
            "Free some: `docker system df` shows what takes it.",
        ),
        (
            r"(?i)superuser password is not specified|POSTGRES_PASSWORD.{0,40}(?:must|empty|not)",
            "database-password-missing",
            "The database has no password to initialise with.",
            "Run `run-claude secrets init`.",
        ),
    ),
}

_REASONS: dict[str, str] = {
    "died": "{service} died during the start (exit code {exit_code})",
    "looping": "{service} died during the start and keeps being restarted",
    "unhealthy": "{service} runs, but its health check fails",
    "removed": "{service} was removed during the start",
    "not-started": "{service} could not be started",
    "paused": "{service} is paused",
}

_REASON_HELP: dict[str, str] = {
    "paused": "Run `docker unpause {name}`.",
    "removed": "Start again; something else removes containers of this stack.",
}


def service_failure(
    service: Service, reason: str, state: ServiceState, log: Sequence[str], *, oom: bool = False
) -> StartError:
    """Return why a service cannot get healthy.

    :param reason: of :class:`~run_claude.core.readiness.Failed`
    :param log: the last lines of its container
    :param oom: whether the engine told of an out-of-memory kill; inspect forgets it at the restart
    """
    facts: dict[str, object] = {
        "service": service.value,
        "container": state.name,
        "phase": state.phase.value,
        "reason": reason,
        "exit_code": state.exit_code,
        "restarts": state.restarts,
        "oom_killed": oom or state.oom_killed,
    }
    detail = "\n".join(line[:400] for line in log)
    if oom or state.oom_killed:
        return StartError(
            f"{service} ran out of memory.",
            help=f"Raise its limit: RUN_CLAUDE_{service.upper()}_MEMORY.",
            code="out-of-memory",
            detail=detail,
            facts=facts,
        )
    text = "\n".join([*log, state.error])
    for pattern, code, message, help in _LOG_READINGS[service]:
        found = re.search(pattern, text)
        if found:
            group = next((group for group in found.groups() if group), "")
            return StartError(message.format(group.strip()), help=help, code=code, detail=detail, facts=facts)
    exit_code = "unknown" if state.exit_code is None else _exit_code(state.exit_code)
    words = _REASONS[reason].format(service=service, exit_code=exit_code)
    if state.error:
        words += f": {state.error}"
    elif reason == "unhealthy" and state.health_output:
        words += f": {state.health_output.splitlines()[-1][:200]}"
    help = _REASON_HELP.get(
        reason, "Its last log lines are above; `run-claude proxy logs --service {service}` shows more."
    )
    return StartError(
        words + ".",
        help=help.format(service=service, name=state.name),
        code=f"container-{reason}",
        detail=detail,
        facts=facts,
    )


def _exit_code(code: int) -> str:
    signals = {137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM", 134: "SIGABRT"}
    return f"{code}, {signals[code]}" if code in signals else str(code)


def start_timeout(seconds: float, waiting: Iterable[tuple[Service, ServiceState]], lost: str = "") -> StartTimeout:
    """Return the error for a start that nothing is wrong with, except that it takes too long."""
    rows = list(waiting)
    words = ", ".join(f"{service} is {_phase_words(state)}" for service, state in rows)
    if lost:
        words = lost.rstrip(".")
    return StartTimeout(
        f"Not healthy within {seconds:g} s: {words}.",
        help="Give it longer with --timeout SECONDS; `run-claude proxy logs -f` shows what it does.",
        retryable=True,
        facts={"seconds": seconds, "waiting_for": [service.value for service, _ in rows]},
    )


def _phase_words(state: ServiceState) -> str:
    return "still starting" if state.phase is Phase.STARTING else state.phase.value

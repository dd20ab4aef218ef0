"""Find out why a container does not become healthy: from its exit code, its log, and the engine's state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service, ServiceState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from run_claude.errors import RunClaudeError

__all__ = ["service_failure", "start_timeout"]

_SHOWN = 15  # log lines shown to the user; more are read for the cause
_Reading = tuple[str, str, str]  # pattern, code, message

_FULL = (r"(?i)no space left on device|disk quota exceeded", "disk-full", "{service} cannot write: the disk is full.")
_READINGS: dict[Service, tuple[_Reading, ...]] = {
    Service.LITELLM: (
        (
            r"(?i)P1000|password authentication failed",
            "database-password",
            "The database rejects the password: its volume was created with another one.",
        ),
        (
            r"(?i)too many clients already|remaining connection slots are reserved",
            "database-connections",
            "LiteLLM cannot start: all connections of the database are in use.",
        ),
        (r"run-claude: error: (callback .+)", "callback-not-found", "LiteLLM cannot start: {0}"),
        (r"run-claude: error: ((?:a|the) migration .+)", "database-migration-failed", "LiteLLM cannot start: {0}"),
        (r"run-claude: error: (the database .+)", "database-unreachable", "LiteLLM cannot start: {0}"),
        (r"run-claude: error: (.+)", "litellm-config", "LiteLLM cannot start: {0}"),
        (
            r"(?i)(?:weak|insecure|default).{0,40}master.?key|master.?key.{0,60}(?:weak|insecure|too short)",
            "master-key-refused",
            "LiteLLM rejects the master key.",
        ),
        (
            r"(?i)prisma.*(?:migrate|migration).*(?:fail|error)|P3\d{3}",
            "database-migration-failed",
            "A migration of LiteLLM's database failed.",
        ),
        _FULL,
        (r"yaml\.(?:scanner|parser)\.\w+Error", "litellm-config", "litellm_config.yaml is not valid YAML."),
    ),
    Service.TIMESCALEDB: (
        (
            r"(?i)initialized by PostgreSQL version (\S+?),",
            "database-version",
            "The database volume was created by PostgreSQL {0}, but the image contains another major version.",
        ),
        (
            r"(?i)database files are incompatible with server",
            "database-version",
            "The database volume was created by another major version of PostgreSQL.",
        ),
        _FULL,
        (
            r"(?i)superuser password is not specified|POSTGRES_PASSWORD.{0,40}(?:must|empty|not)",
            "database-password-missing",
            "There is no password to initialize the database with.",
        ),
        (
            r"running /docker-entrypoint-initdb\.d/|creating configuration files|initdb: error",
            "database-init-failed",
            "The database volume could not be initialized (exit code {exit_code}).",
        ),
    ),
}
_INITIALIZED = "init process complete"

# Exit codes of our entrypoint and of LiteLLM itself, for when the log is gone.
_EXIT_CODES: dict[int, tuple[str, str]] = {
    3: ("litellm-config", "LiteLLM cannot use its configuration (exit code 3)."),
    69: ("database-unreachable", "LiteLLM could not reach its database in time (exit code 69)."),
    78: ("litellm-config", "LiteLLM cannot read its configuration or its secrets (exit code 78)."),
}

_REASONS: dict[str, str] = {
    "died": "{service} exited during the start (exit code {exit_code})",
    "looping": "{service} keeps exiting and being restarted (exit code {exit_code})",
    "unhealthy": "{service} runs, but its health check fails",
    "removed": "{service} was removed during the start",
    "not-started": "{service} could not be started",
    "paused": "{service} is paused",
}
_REASON_HELP: dict[str, str] = {
    "paused": "Run `docker unpause {name}`.",
    "removed": "Start again. If it happens again, find out what removes this stack's containers.",
}


def service_failure(
    service: Service,
    reason: str,
    state: ServiceState,
    log: Sequence[str],
    *,
    oom: bool = False,
    memory: Mapping[str, int] | None = None,
    level: tuple[str, str] = ("", ""),
) -> RunClaudeError:
    """Return the error for a service that cannot become healthy.

    :param reason: the reason in :class:`~run_claude.domain.readiness.Failed`
    :param log: the last lines of its container's log
    :param oom: whether an event reported an out-of-memory kill; inspect forgets it at the restart
    :param memory: ``limit`` and ``peak`` in bytes, as far as known
    :param level: the result of :func:`~run_claude.domain.diagnosis.probe_stages.first_failing_stage`, if it was probed
    """
    facts: dict[str, object] = {
        "service": service.value,
        "container": state.name,
        "phase": state.phase.value,
        "reason": reason,
        "exit_code": state.exit_code,
        "restarts": state.restarts,
        "oom_killed": oom or state.oom_killed,
        "log": f"run-claude proxy logs --service {service}",
    }
    facts |= {f"memory_{name}": size for name, size in (memory or {}).items() if size}
    if level[0] and reason == "unhealthy":
        facts["level"] = level[0]
    detail = "\n".join(line[:400] for line in log[-_SHOWN:])
    exit_code = "unknown" if state.exit_code is None else _exit_code(state.exit_code)
    if oom or state.oom_killed:
        return caused(
            "out-of-memory",
            f"{service} ran out of memory{_limits(memory or {})}.",
            help=f"Raise its limit: RUN_CLAUDE_{service.upper()}_MEMORY.",
            detail=detail,
            facts=facts,
        )
    found = (
        _read(service, [*log, state.error], state, exit_code) if reason in ("died", "looping", "unhealthy") else None
    )
    if found:
        return caused(found[0], found[1], detail=detail, facts=facts)
    words = _REASONS[reason].format(service=service, exit_code=exit_code)
    if state.error:
        words += f": {state.error}"
    elif reason == "unhealthy" and (why := [word for word in (_probe_words(state.health_output), level[1]) if word]):
        words += f": {'; '.join(why)}"
    help = _REASON_HELP.get(reason, "")
    return caused(
        f"container-{reason}",
        words + ".",
        help=help.format(service=service, name=state.name),
        detail=detail,
        facts=facts,
    )


def _read(service: Service, lines: Sequence[str], state: ServiceState, exit_code: str) -> tuple[str, str] | None:
    """Return code and message of the first reading that matches: the log first, then the exit code."""
    text = "\n".join(lines)
    for pattern, code, message in _READINGS[service]:
        if code == "database-init-failed" and _INITIALIZED in text:
            continue
        if found := re.search(pattern, text):
            group = next((group for group in found.groups() if group), "")
            return code, message.format(group.strip(), service=service, exit_code=exit_code)
    return _EXIT_CODES.get(state.exit_code or 0) if service is Service.LITELLM else None


def _probe_words(output: str) -> str:
    """Return the health check's last output; empty if the engine only reports a time-out."""
    last = (output.strip().splitlines() or [""])[-1][:200]
    return "" if "exceeded timeout" in last else last


def _limits(memory: Mapping[str, int]) -> str:
    known = [f"{name} {size / 2**20:.0f} MB" for name, size in memory.items() if size]
    return f" ({', '.join(known)})" if known else ""


def _exit_code(code: int) -> str:
    signals = {137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM", 134: "SIGABRT"}
    return f"{code}, {signals[code]}" if code in signals else str(code)


def start_timeout(
    seconds: float,
    waiting: Iterable[tuple[Service, ServiceState]],
    lost: str = "",
    *,
    log: Sequence[str] = (),
    level: tuple[str, str] = ("", ""),
) -> RunClaudeError:
    """Return the error for a start in which nothing failed, but which takes too long.

    :param waiting: the services that are not healthy yet
    :param lost: why the engine is out of reach; empty if it answers
    :param log: the last log lines of the first of these services
    :param level: the result of :func:`~run_claude.domain.diagnosis.probe_stages.first_failing_stage`, if it was probed
    """
    rows = list(waiting)
    words = ", ".join(f"{service} is {_phase_words(state)}" for service, state in rows)
    if level[1]:
        words += f" ({level[1]})"
    if lost:
        words = lost.rstrip(".")
    facts: dict[str, object] = {
        "seconds": seconds,
        "waiting_for": [service.value for service, _ in rows],
        "log": f"run-claude proxy logs{f' --service {rows[0][0]}' if len(rows) == 1 else ''}",
    }
    if level[0]:
        facts["level"] = level[0]
    detail = "\n".join(line[:400] for line in log[-_SHOWN:])
    if not lost and _migrating(log):
        return caused(
            "database-migration-timeout",
            f"Not healthy within {seconds:g} s: LiteLLM is still migrating its database.",
            detail=detail,
            facts=facts,
        )
    return caused("start-timeout", f"Not healthy within {seconds:g} s: {words}.", detail=detail, facts=facts)


def _migrating(log: Sequence[str]) -> bool:
    """Whether the newest line about a migration says that it is still running."""
    lines = [
        line for line in log if re.search(r"(?i)prisma migrate|migrations? (?:found|to apply)|Applying migration", line)
    ]
    return bool(lines) and not re.search(r"(?i)complete|successfully|no pending", lines[-1])


def _phase_words(state: ServiceState) -> str:
    return "still starting" if state.phase is Phase.STARTING else state.phase.value

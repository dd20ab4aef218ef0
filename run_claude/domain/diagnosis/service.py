"""Find out why a container does not become healthy: from its exit code, its log, and the engine's state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.domain.diagnosis.log import Evidence
from run_claude.domain.diagnosis.patterns import DISK_IS_FULL
from run_claude.domain.lifecycle import Phase, Service, ServiceState
from run_claude.domain.volume import missing_library

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from run_claude.errors import RunClaudeError

__all__ = ["service_failure", "start_timeout"]

NOTHING = Evidence()
_MIGRATES = "migrating the database"
_SHOWN = 15  # log lines shown to the user; more are read for the cause
_Reading = tuple[str, str, str]  # pattern, code, message

_REJECTED = "The database rejects the password: its volume was created with another one."
_CONNECTIONS = "LiteLLM cannot start: all connections of the database are in use."

# What the entrypoint says, from its first character: it speaks for Prisma and PostgreSQL as well.
_MARKS: tuple[_Reading, ...] = (
    (
        r"error: (?:a|the) migration .*failed: (?:P1000\b|(?:FATAL: +)?password authentication failed)",
        "database-password",
        _REJECTED,
    ),
    (
        r"error: (?:a|the) migration .*failed: .*(?:too many clients already|remaining connection slots are reserved)",
        "database-connections",
        _CONNECTIONS,
    ),
    (r"error: (callback .+)", "callback-not-found", "LiteLLM cannot start: {0}"),
    (r"error: ((?:a|the) migration .+)", "database-migration-failed", "LiteLLM cannot start: {0}"),
    (r"error: (the database .+)", "database-unreachable", "LiteLLM cannot start: {0}"),
    (r"error: (.+)", "litellm-config", "LiteLLM cannot start: {0}"),
)

# How a line begins in which Python, LiteLLM's logger or Prisma speaks of an error; a line of a request does not.
_SPEAKER = (
    r"(?:Error: |FATAL: +|(?:[A-Za-z_]\w*\.)*\w*(?:Error|Exception): |\d\d:\d\d:\d\d - LiteLLM[\w ]*:\w+: \S+ - "
    r"|ERROR: +(?!\d))"
)
_FULL = "{service} cannot write: the disk is full."

# What else is printed, from the beginning of a line.
_PLATFORM: _Reading = (  # as runc says it, and Docker's init
    r"exec \S+: exec format error|\[FATAL tini \(\d+\)\] exec \S+ failed: Exec format error",
    "image-platform",
    "The image of {service} is not made for this engine's processor.",
)
_DENIED = r"(?i)permission denied|cannot be read"

_READINGS: dict[Service, tuple[_Reading, ...]] = {
    Service.LITELLM: (
        _PLATFORM,
        (rf"(?i:{_SPEAKER}).*?(?:\bP1000\b|(?i:password authentication failed))", "database-password", _REJECTED),
        (
            rf"(?i:{_SPEAKER}).*(?i:too many clients already|remaining connection slots are reserved)",
            "database-connections",
            _CONNECTIONS,
        ),
        (
            rf"(?i:{_SPEAKER}.*(?:(?:weak|insecure|default).{{0,40}}master.?key"
            r"|master.?key.{0,60}(?:weak|insecure|too short)))",
            "master-key-refused",
            "LiteLLM rejects the master key.",
        ),
        (
            rf"(?i:{_SPEAKER}).*?(?:\bP3\d{{3}}\b|(?i:prisma.*migrat.*(?:fail|error)))",
            "database-migration-failed",
            "A migration of LiteLLM's database failed.",
        ),
        (rf"(?i:{_SPEAKER}{DISK_IS_FULL})", "disk-full", _FULL),
        (r"yaml\.(?:scanner|parser)\.\w+Error", "litellm-config", "litellm_config.yaml is not valid YAML."),
    ),
    Service.TIMESCALEDB: (
        _PLATFORM,
        (
            r"(?:/bin/sh: )?/run-claude/entrypoint: (?:line )?\d+: docker-entrypoint\.sh: .*not found",
            "database-image",
            "The image of {service} has no docker-entrypoint.sh: it is none of PostgreSQL's official layout.",
        ),
        (
            r"DETAIL:  .*initialized by PostgreSQL version (\S+?),",
            "database-version",
            "The database volume was created by PostgreSQL {0}, but the image contains another major version.",
        ),
        (
            r"FATAL:  database files are incompatible with server",
            "database-version",
            "The database volume was created by another major version of PostgreSQL.",
        ),
        (rf"(?i:(?:(?:FATAL|PANIC):  could not |(?!FATAL|PANIC|DETAIL)){DISK_IS_FULL})", "disk-full", _FULL),
        (
            r"(?i:(?!FATAL|PANIC|DETAIL).*(?:superuser password is not specified"
            r"|POSTGRES_PASSWORD.{0,40}(?:must|empty|not)))",
            "database-password-missing",
            "There is no password to initialize the database with.",
        ),
        (
            r"(?:\S+: )?running /docker-entrypoint-initdb\.d/|creating configuration files|initdb: error",
            "database-init-failed",
            "The database volume could not be initialized (exit code {exit_code}).",
        ),
    ),
}
_INITIALIZED = "PostgreSQL init process complete"

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
    log: Evidence,
    *,
    oom: bool = False,
    memory: Mapping[str, int] | None = None,
    level: tuple[str, str] = ("", ""),
) -> RunClaudeError:
    """Return the error for a service that cannot become healthy.

    :param reason: the reason in :class:`~run_claude.domain.readiness.Failed`
    :param log: what its container has printed last
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
    detail = _detail(log)
    exit_code = "unknown" if state.exit_code is None else _exit_code(state.exit_code)
    if oom or state.oom_killed:
        return caused(
            "out-of-memory",
            f"{service} ran out of memory{_limits(memory or {})}.",
            help=f"Raise its limit: RUN_CLAUDE_{service.upper()}_MEMORY.",
            detail=detail,
            facts=facts,
        )
    found = _read(service, log, state, exit_code) if reason in ("died", "looping", "unhealthy") else None
    if reason in ("died", "looping", "unhealthy") and (denied := _denied(log)):
        return caused("selinux-denied", f"SELinux keeps {service} from a file: {denied}", detail=detail, facts=facts)
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


def _read(service: Service, log: Evidence, state: ServiceState, exit_code: str) -> tuple[str, str] | None:
    """Return code and message of what counts as the cause: the log first, then the engine's words, the exit code."""
    for marks, lines in zip(log.marks, log.lines, strict=True):
        for readings, said in ((_MARKS, marks), (_READINGS[service], lines)):
            for pattern, code, message in readings:
                if code == "database-init-failed" and any(line.startswith(_INITIALIZED) for line in said):
                    continue
                if found := next((match for line in said if (match := re.match(pattern, line))), None):
                    group = next((group for group in found.groups() if group), "")
                    return code, message.format(group.strip(), service=service, exit_code=exit_code)
    if library := missing_library(state.health_output):  # the health check asks in a session
        return "timescaledb-version", f"The image of {service} lacks the library {library} that its volume needs."
    if re.search(f"(?im)^{DISK_IS_FULL}", state.error):
        return "disk-full", _FULL.format(service=service)
    return _EXIT_CODES.get(state.exit_code or 0) if service is Service.LITELLM else None


def _denied(log: Evidence) -> str:
    """Return what a container was not allowed to read or write, where SELinux confines it; else an empty text."""
    said = (line for lines in (*log.marks, *log.lines) for line in lines) if "selinux" in log.security else ()
    return next((line[:200] for line in said if re.search(_DENIED, line)), "")


def _detail(log: Evidence) -> str:
    return "\n".join(line[:400] for line in log.shown[-_SHOWN:])


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
    log: Evidence = NOTHING,
    level: tuple[str, str] = ("", ""),
) -> RunClaudeError:
    """Return the error for a start in which nothing failed, but which takes too long.

    :param waiting: the services that are not healthy yet
    :param lost: why the engine is out of reach; empty if it answers
    :param log: what the first of these services has printed last
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
    detail = _detail(log)
    if not lost and _migrating(log):
        return caused(
            "database-migration-timeout",
            f"Not healthy within {seconds:g} s: LiteLLM is still migrating its database.",
            detail=detail,
            facts=facts,
        )
    return caused("start-timeout", f"Not healthy within {seconds:g} s: {words}.", detail=detail, facts=facts)


def _migrating(log: Evidence) -> bool:
    """Whether the entrypoint has begun with migrations, and not said yet that they are done."""
    return next((mark == _MIGRATES for mark in reversed(log.newest) if "migrat" in mark), False)


def _phase_words(state: ServiceState) -> str:
    return "still starting" if state.phase is Phase.STARTING else state.phase.value

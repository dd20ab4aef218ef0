"""From facts to a cause: what an exit code, a message and a log tail mean, and what helps.

Pure: the adapters and the controller collect the facts, this says what they add up to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from run_claude.core.errors import (
    BuildError,
    ConfigError,
    ConflictError,
    EngineError,
    RunClaudeError,
    StartError,
    StartTimeout,
)
from run_claude.core.lifecycle import Phase, Service, ServiceState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "compose_failure",
    "engine_frozen",
    "engine_unreachable",
    "foreign_container",
    "port_of",
    "port_taken",
    "service_failure",
    "start_timeout",
]

# --- the engine ---------------------------------------------------------------------------------------------------


def engine_unreachable(host: str, error: BaseException) -> EngineError:
    """Return why the engine at ``host`` cannot be asked.

    :param error: what the client raised; an ``OSError`` anywhere in its chain decides
    """
    facts = {"host": host, "error": f"{type(error).__name__}: {error}"}
    cause = _os_error(error)
    if isinstance(cause, PermissionError):
        return EngineError(
            f"No permission to use the Docker engine at {host}.",
            help="Add yourself to the `docker` group (`sudo usermod -aG docker $USER`) and log in again.",
            code="engine-permission",
            facts=facts,
        )
    if isinstance(cause, FileNotFoundError | ConnectionRefusedError):
        return EngineError(
            f"No Docker engine is running at {host}.",
            help="Start it (`scripts/engine`, `sudo systemctl start docker`, or Docker Desktop), then try again.",
            code="engine-not-running",
            retryable=True,
            facts=facts,
        )
    if "timeout" in type(error).__name__.lower():
        return engine_frozen(None)
    return EngineError(
        f"The connection to the Docker engine at {host} broke: {str(error) or type(error).__name__}",
        help="Run `docker info`; if that fails too, restart the engine.",
        code="engine-connection",
        retryable=True,
        facts=facts,
    )


def _os_error(error: BaseException | None) -> OSError | None:
    """Return the operating system's error below the clients' own; the message alone is all that some leave of it."""
    seen: set[int] = set()
    text = ""
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno is not None:
            return error
        text += f" {error}"
        error = error.__cause__ or error.__context__
    if "ermission denied" in text:
        return PermissionError(text)
    if "No such file" in text or "refused" in text or "connection attempts failed" in text:
        return ConnectionRefusedError(text)
    return None


def engine_frozen(seconds: float | None) -> EngineError:
    """Return the error for an engine that accepts a connection and does not answer."""
    return EngineError(
        f"The Docker engine does not answer{f' within {seconds:.0f} s' if seconds else ''}.",
        help="Run `docker ps`; if that hangs too, restart the engine.",
        code="engine-frozen",
        retryable=True,
    )


# --- Compose ------------------------------------------------------------------------------------------------------

_PORT = re.compile(
    r"(?:listen tcp\d? |Bind for |bind host port (?:for )?)\S*?:(\d+)\b"
    r".*?(?:address already in use|port is already allocated)"
)


def port_of(stderr: str) -> int | None:
    """Return the port that Compose could not publish, if this is what it says."""
    found = _PORT.search(stderr)
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class _Rule:
    """A message of Compose's or the engine's, and what it means. ``{0}`` in the texts is the first group."""

    pattern: str
    error: type[RunClaudeError]
    code: str
    message: str
    help: str
    retryable: bool = False


# Matched in order against stderr: exit codes say less and differ from release to release.
_COMPOSE_RULES = (
    _Rule(
        r"Cannot connect to the Docker daemon at (\S+?)\.? |failed to connect to the docker API at ([^\s;]+)",
        EngineError,
        "engine-not-running",
        "No Docker engine is running at {0}.",
        "Start it (`scripts/engine`, `sudo systemctl start docker`, or Docker Desktop), then try again.",
        retryable=True,
    ),
    _Rule(
        r"permission denied while trying to connect to the (?:Docker daemon socket|docker API) at (\S+?):?(?:\s|$)",
        EngineError,
        "engine-permission",
        "No permission to use the Docker engine at {0}.",
        "Add yourself to the `docker` group (`sudo usermod -aG docker $USER`) and log in again.",
    ),
    _Rule(
        r"unknown (?:docker )?command: \"?(?:docker )?compose|unknown shorthand flag: 'f' in -f"
        r"|'compose' is not a docker command",
        EngineError,
        "compose-missing",
        "The docker command has no Compose plugin.",
        "Install Compose v2 (package docker-compose-plugin, or docker-compose on Debian 13).",
    ),
    _Rule(
        r"start interval\W+requires API version|start_interval.*not (?:allowed|supported)|unsupported .*start_interval",
        EngineError,
        "engine-too-old",
        "This Docker engine is older than 25 and has no `start_interval` for health checks.",
        "Update Docker to 25 or newer.",
    ),
    _Rule(
        r"Additional propert\w+ '?(\S+?)'? (?:(?:is|are) )?not allowed",
        EngineError,
        "compose-too-old",
        "The Compose plugin does not know the key {0} of the compose file.",
        "Update Compose to 2.20 or newer; if you edited services/docker-compose.yaml, check that key.",
    ),
    _Rule(
        r"container name \"/?([^\"]+)\" is already in use",
        ConflictError,
        "name-taken",
        "The container name {0} is already in use by a container that is not of this stack.",
        "Remove it with `docker rm -f {0}`, or choose another name with --instance NAME.",
    ),
    _Rule(
        r"(?:yaml|parsing) .*?line (\d+): (.+)|yaml: line (\d+): (.+)",
        ConfigError,
        "compose-file-invalid",
        "The compose file is no valid YAML (line {0}).",
        "Repair services/docker-compose.yaml, or run `run-claude install --force` to write it anew.",
    ),
    _Rule(
        r"no space left on device",
        StartError,
        "disk-full",
        "The disk of the Docker engine is full.",
        "Free some: `docker system df` shows what takes it, `docker builder prune` is safe.",
    ),
    _Rule(
        r"(?:lookup \S+.*?(?:no such host|server misbehaving|i/o timeout|connection refused)"
        r"|failed to resolve source metadata for (\S+?):|pull access denied|manifest unknown"
        r"|net/http: TLS handshake timeout|x509: )",
        BuildError,
        "base-image-unavailable",
        "A base image cannot be pulled.",
        "Check network and proxy, or set RUN_CLAUDE_PYTHON_IMAGE and RUN_CLAUDE_TIMESCALEDB_IMAGE to images you have"
        " (`scripts/bases` builds them from Debian packages).",
        retryable=True,
    ),
    _Rule(
        r"No such image: (\S+)",
        BuildError,
        "image-missing",
        "The image {0} does not exist.",
        "Build it with `run-claude proxy build`.",
    ),
)

_FAILED_STEP = re.compile(r"failed to solve: (?:process \"(.*?)\" did not complete successfully: )?(.*)", re.DOTALL)


def compose_failure(
    command: str, returncode: int, stderr: str, *, facts: Mapping[str, object] | None = None
) -> RunClaudeError:
    """Return what a failed ``docker compose`` means.

    :param command: what was done, for people: ``up``, ``build litellm``, ...
    """
    known: dict[str, object] = {"command": f"docker compose {command}", "returncode": returncode, **(facts or {})}
    tail = "\n".join(stderr.strip().splitlines()[-15:])
    if told := re.search(r"run-claude: error: (.+)", stderr):  # our own build steps name their causes themselves
        helps = re.findall(r"run-claude: help: (.+)", stderr)
        return BuildError(
            f"The image cannot be built: {told[1].strip()}",
            help=" ".join(dict.fromkeys(text.strip() for text in helps)) or "Read the last lines of the build.",
            detail=tail,
            facts=known,
        )
    for rule in _COMPOSE_RULES:
        found = re.search(rule.pattern, stderr, re.IGNORECASE)
        if found:
            group = next((text for text in found.groups() if text), "")
            return rule.error(
                rule.message.format(group),
                help=rule.help.format(group),
                code=rule.code,
                detail=tail,
                retryable=rule.retryable,
                facts=known,
            )
    if "failed to solve" in stderr or command.startswith("build"):
        found = _FAILED_STEP.search(stderr)
        named = (found[1] or found[2]).strip() if found else ""
        step = named.splitlines()[0][:160] if named else "unknown step"
        return BuildError(
            f"The image cannot be built: {step}",
            help="The last lines of the build are above; `run-claude proxy build --no-cache -v` shows all of it.",
            detail=tail,
            facts=known,
        )
    last = stderr.strip().splitlines()[-1] if stderr.strip() else f"exit code {returncode}"
    return StartError(
        f"docker compose {command} failed: {last[:300]}",
        help="Run again with -v to see each command and all of its output.",
        code="compose-failed",
        detail=tail,
        facts=known,
    )


def port_taken(port: int, setting: str, *, holder: str, free: int | None, detail: str = "") -> ConflictError:
    """Return the error for a port that somebody else holds.

    :param setting: the variable that moves it
    :param holder: who has it, in words; empty if it cannot be seen
    :param free: the next port that is free, if one was found
    """
    return ConflictError(
        f"Port {port} is taken{f' by {holder}' if holder else ''}.",
        help=f"Stop it, or choose another port: {setting}={free or port + 1}"
        + (" (or --port)." if setting == "LITELLM_PORT" else "."),
        code="port-taken",
        detail=detail,
        facts={"port": port, "setting": setting, "holder": holder, "free_port": free},
    )


def foreign_container(name: str, image: str) -> ConflictError:
    """Return the error for a container that has our name and is not ours."""
    return ConflictError(
        f"A container named {name} exists and is not of this stack (image {image}).",
        help=f"Remove it with `docker rm -f {name}`, or choose another name with --instance NAME.",
        code="name-taken",
        facts={"container": name, "image": image},
    )


# --- a container that does not get healthy ------------------------------------------------------------------------

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

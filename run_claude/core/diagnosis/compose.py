"""What a failed `docker compose` means, by what it has printed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from run_claude.core.errors import BuildError, ConfigError, ConflictError, EngineError, RunClaudeError, StartError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["compose_failure", "port_of"]

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

"""Find the cause of a failed `docker compose` in its output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.domain.diagnosis.build import PRINTED, own_failure, step_failure
from run_claude.domain.diagnosis.patterns import DISK, SOCKET
from run_claude.domain.diagnosis.pull import pull_failure
from run_claude.domain.diagnosis.rules import RULES
from run_claude.domain.diagnosis.transport import quoted
from run_claude.domain.redact import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.errors import RunClaudeError

__all__ = ["compose_failure", "port_of"]

# ``re`` compiles and caches them at their first use: a command that succeeds needs none.
_PORT = (
    rf"(?i)(?:listen tcp\d? |Bind for |bind host port (?:for )?){SOCKET}"
    r".*?(?:address already in use|port is already allocated|only one usage of each socket address)"
)

# Of what a build step prints, only how it reports a full disk is believed: with the error's number or name. 122 is
# EDQUOT's.
_PRINTED_FULL = (
    rf"(?mi)^{PRINTED}(?=.*{DISK}).*"
    r"(?:\[Errno (?:28|122)\]|\(os error (?:28|122)\)|\((?:28|122): |\bE(?:NOSPC|DQUOT): )"
)
# How far the pull of each layer was: nothing of why it failed.
_LAYERS = r"(?m)^(?: ?(?:\S+ )?[0-9a-f]{12} [A-Z]|#\d+ (?:extracting )?sha256:).*\n?"
# Of what a command in a container prints (`exec`, `run`), only the engine's and Compose's own words count.
_IN_CONTAINER = ("exec", "run")
_ENGINE_SAYS = r"Error response from daemon: |Cannot connect to the Docker daemon|failed to connect to the docker API"
_ENGINE_SAYS += r"|permission denied while trying to connect|error during connect: |unknown |docker: "
_ENGINE_SAYS += r"|request returned .*for API route"


def port_of(stderr: str) -> int | None:
    """Return the port that Compose could not publish; ``None`` if that is not why it failed."""
    found = re.search(_PORT, stderr)
    return int(found["port"]) if found else None


def compose_failure(
    command: str, returncode: int, stderr: str, *, facts: Mapping[str, object] | None = None
) -> RunClaudeError:
    """Return the error for a failed ``docker compose``.

    :param command: the command, for the message: ``up``, ``build litellm``, ...
    """
    known: dict[str, object] = {"command": f"docker compose {command}", "returncode": returncode, **(facts or {})}
    told = re.sub(_LAYERS, "", stderr).strip() or stderr.strip()
    tail = redacted("\n".join(told.splitlines()[-15:]), ())
    if command.startswith("build") and (own := own_failure(stderr, tail, known)):
        return own
    spoken = _spoken(command, stderr)
    for rule in RULES:
        found = re.search(rule.pattern, spoken, re.IGNORECASE)
        if found:
            group = quoted(next((text for text in found.groups() if text), ""))
            help = rule.help.format(group)
            return caused(rule.code, rule.message.format(group), help=help, detail=tail, facts=known)
    if pull := pull_failure(command, spoken, tail, known):
        return pull
    if "failed to solve" in stderr or command.startswith("build"):
        return step_failure(stderr, tail, known)
    crash = re.search(r"(?m)^(?:panic|fatal error): .+", stderr)  # Go's, above some hundred lines of a trace
    last = crash[0] if crash else (stderr.strip().splitlines() or [f"exit code {returncode}"])[-1]
    return caused("compose-failed", f"docker compose {command} failed: {quoted(last)}", detail=tail, facts=known)


def _spoken(command: str, stderr: str) -> str:
    """Return what Compose and the engine say themselves: not progress, nor what runs in a container.

    That a build step found the disk full counts: that disk is the engine's.
    """
    if command.startswith(_IN_CONTAINER):
        return "\n".join(line for line in stderr.split("\n") if re.match(_ENGINE_SAYS, line))
    spoken = [line for line in re.sub(_LAYERS, "", stderr).split("\n") if not re.match(PRINTED, line)]
    if command.startswith("build") and re.search(_PRINTED_FULL, stderr):
        spoken.append("no space left on device")
    return "\n".join(spoken)

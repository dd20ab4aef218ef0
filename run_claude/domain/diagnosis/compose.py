"""Find the cause of a failed `docker compose` in its output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from run_claude.domain.causes import caused
from run_claude.domain.diagnosis.transport import quoted
from run_claude.domain.redact import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.errors import RunClaudeError

__all__ = ["compose_failure", "port_of"]

# ``re`` compiles and caches them at their first use: a command that succeeds needs none.
_PORT = (
    r"(?:listen tcp\d? |Bind for |bind host port (?:for )?)\S*?:(\d+)\b"
    r".*?(?:address already in use|port is already allocated)"
)
_FAILED_STEP = r"(?s)failed to solve: (?:process \"(.*?)\" did not complete successfully: )?(.*)"

# How a pull fails. One message may match several; the first one counts.
_NO_NETWORK = (
    r"no such host|server misbehaving|i/o timeout|connection refused|network is unreachable|no route to host"
    r"|TLS handshake timeout|does not look like a TLS handshake|HTTP response to HTTPS client"
    r"|Client\.Timeout|deadline exceeded|connection reset|\bEOF\b"
)
_PULL_FAILURES = (
    ("base-image-certificate", r"x509: |tls: failed to verify|certificate signed by unknown authority"),
    ("base-image-proxy", r"proxyconnect|Proxy Authentication Required|\b407\b"),
    ("base-image-network", _NO_NETWORK),
    ("base-image-unknown", r"pull access denied|manifest unknown|not found|unauthorized|denied"),
)
_PULL = (
    r"failed to resolve source metadata for (?P<built>\S+?): |failed to do request|\"https?://|dial tcp|lookup \S+ on "
    r"|pull access denied for (?P<denied>[^\s,]+)|manifest (?:unknown|for (?P<manifest>\S+) not found)|Proxy Auth"
)
_STEP_WITHOUT_NETWORK = (
    r"(?i)temporary failure in name resolution|name or service not known|failed to establish a new connection"
    r"|could not resolve|network is unreachable|connection refused|CERTIFICATE_VERIFY_FAILED|proxyerror"
)


class _Rule(NamedTuple):
    """A message of Compose or the engine, and its cause. ``{0}`` in the texts is the first group that matched."""

    pattern: str
    code: str
    message: str
    help: str = ""


# Matched in this order against stderr. Exit codes say less, and differ between releases.
_RULES = (
    _Rule(
        r"Cannot connect to the Docker daemon at (\S+?)\.? |failed to connect to the docker API at ([^\s;]+)",
        "engine-not-running",
        "No Docker engine is running at {0}.",
    ),
    _Rule(
        r"permission denied while trying to connect to the (?:Docker daemon socket|docker API) at (\S+?):?(?:\s|$)",
        "engine-permission",
        "No permission to use the Docker engine at {0}.",
    ),
    _Rule(
        r"unknown (?:docker )?command: \"?(?:docker )?compose|unknown shorthand flag: 'f' in -f"
        r"|unknown flag: --file|'compose' is not a docker command",
        "compose-missing",
        "The docker command has no Compose plugin.",
    ),
    _Rule(
        r"start interval\W+requires API version|start_interval.*not (?:allowed|supported)|unsupported .*start_interval",
        "engine-too-old",
        "This Docker engine is older than 25 and does not support `start_interval` for health checks.",
    ),
    _Rule(
        r"Additional propert\w+ '?(\S+?)'? (?:(?:is|are) )?not allowed",
        "compose-too-old",
        "The Compose plugin does not know the key {0} in the compose file.",
    ),
    _Rule(
        r"container name \"/?([^\"]+)\" is already in use",
        "name-taken",
        "The container name {0} is used by a container that does not belong to this stack.",
        "Remove it with `docker rm -f {0}`, or choose another name with --instance NAME.",
    ),
    _Rule(
        r"(?:yaml|parsing) .*?line (\d+): (.+)|yaml: line (\d+): (.+)",
        "compose-file-invalid",
        "services/docker-compose.yaml is not valid YAML (line {0}).",
        "Correct the line, or replace the file with `run-claude install --force`.",
    ),
    _Rule(r"no space left on device", "disk-full", "The disk of the Docker engine is full."),
    _Rule(r"No such image: (\S+)", "image-missing", "The image {0} does not exist."),
)

# A line that a build step printed, as BuildKit shows it: text of indexes and registries. `#12 3.456 …`, and `3.456 …`
# in the box of a step that failed. Only how it reports a full disk is believed of it.
_PRINTED = r"(?:#\d+ )?\d+\.\d+ "
_PRINTED_FULL = rf"(?m)^{_PRINTED}.*(?:\[Errno 28\]|\(os error 28\))"
# Of what a command in a container prints (`exec`, `run`), only the engine's and Compose's own words count.
_IN_CONTAINER = ("exec", "run")
_ENGINE_SAYS = r"Error response from daemon: |Cannot connect to the Docker daemon|failed to connect to the docker API"
_ENGINE_SAYS += r"|permission denied while trying to connect|error during connect: |unknown |docker: "

# What the Dockerfile's own steps end with, where it is more than that a step failed.
_BUILD_STEPS = (
    (r"another file than the lock names", "npm-hash"),
    (r"cannot be fetched from npm's registry", "npm-unreachable"),
)


def port_of(stderr: str) -> int | None:
    """Return the port that Compose could not publish; ``None`` if that is not why it failed."""
    found = re.search(_PORT, stderr)
    return int(found[1]) if found else None


def compose_failure(
    command: str, returncode: int, stderr: str, *, facts: Mapping[str, object] | None = None
) -> RunClaudeError:
    """Return the error for a failed ``docker compose``.

    :param command: the command, for the message: ``up``, ``build litellm``, ...
    """
    known: dict[str, object] = {"command": f"docker compose {command}", "returncode": returncode, **(facts or {})}
    tail = redacted("\n".join(stderr.strip().splitlines()[-15:]), ())
    # The Dockerfile's own steps name their causes.
    if found := re.search(rf"(?m)^(?:{_PRINTED}|#\d+ )?run-claude: error: (.+)", _if_build(command, stderr)):
        helps = re.findall(rf"(?m)^(?:{_PRINTED}|#\d+ )?run-claude: help: (.+)", stderr)
        code = next((code for pattern, code in _BUILD_STEPS if re.search(pattern, found[1])), "build-failed")
        return caused(
            code,
            f"The image cannot be built: {quoted(found[1])}",
            help=" ".join(dict.fromkeys(text.strip() for text in helps)) or "Read the last lines of the build above.",
            detail=tail,
            facts=known,
        )
    spoken = _spoken(command, stderr)
    for rule in _RULES:
        found = re.search(rule.pattern, spoken, re.IGNORECASE)
        if found:
            group = next((text for text in found.groups() if text), "")
            help = rule.help.format(group)
            return caused(rule.code, rule.message.format(group), help=help, detail=tail, facts=known)
    if pull := _pull_failure(spoken, tail, known):
        return pull
    if "failed to solve" in stderr or command.startswith("build"):
        return _build_failure(stderr, tail, known)
    last = stderr.strip().splitlines()[-1] if stderr.strip() else f"exit code {returncode}"
    return caused("compose-failed", f"docker compose {command} failed: {quoted(last)}", detail=tail, facts=known)


def _if_build(command: str, stderr: str) -> str:
    return stderr if command.startswith("build") else ""


def _spoken(command: str, stderr: str) -> str:
    """Return what Compose and the engine say themselves: neither what a build step printed, nor a container's command.

    That a build step found the disk full counts: that disk is the engine's.
    """
    if command.startswith(_IN_CONTAINER):
        return "\n".join(line for line in stderr.split("\n") if re.match(_ENGINE_SAYS, line))
    spoken = [line for line in stderr.split("\n") if not re.match(_PRINTED, line)]
    if command.startswith("build") and re.search(_PRINTED_FULL, stderr):
        spoken.append("no space left on device")
    return "\n".join(spoken)


def _pull_failure(stderr: str, tail: str, known: Mapping[str, object]) -> RunClaudeError | None:
    """Return why an image cannot be pulled; ``None`` if a build step failed, whatever it printed about its network."""
    if "did not complete successfully" in stderr:
        return None
    for line in reversed(stderr.splitlines()):
        if not (found := re.search(_PULL, line)):
            continue
        code = next((code for code, pattern in _PULL_FAILURES if re.search(pattern, line)), "")
        if code:
            image = next((name for name in found.groups() if name), "")
            said = line.strip().removeprefix("Error response from daemon: ")
            said = said.rpartition(": failed to do request: ")[2] if "failed to do request: " in said else said
            named = f"The base image {image}" if image else "A base image"
            return caused(
                code,
                f"{named} cannot be pulled: {quoted(said, length=200)}",
                detail=tail,
                facts={**known, "image": image},
            )
    return None


def _build_failure(stderr: str, tail: str, known: Mapping[str, object]) -> RunClaudeError:
    found = re.search(_FAILED_STEP, stderr)
    named = (found[1] or found[2]).strip() if found else ""
    step = named.splitlines()[0][:160] if named else "unknown step"
    help = ""
    if re.search(_STEP_WITHOUT_NETWORK, stderr):
        help = "The step could not reach its server: check the network, HTTPS_PROXY and RUN_CLAUDE_CA_BUNDLE."
    return caused(
        "build-failed",
        f"The image cannot be built: {step}",
        help=help,
        detail=tail,
        facts={**known, "step": step, "log": "run-claude proxy build --no-cache -v"},
    )

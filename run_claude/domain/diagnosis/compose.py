"""Find the cause of a failed `docker compose` in its output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from run_claude.domain.causes import caused
from run_claude.domain.diagnosis.build import PRINTED, own_failure, step_failure
from run_claude.domain.diagnosis.pull import pull_failure
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


class _Rule(NamedTuple):
    """A message of Compose or the engine, and its cause. ``{0}`` in the texts is the first group that matched."""

    pattern: str
    code: str
    message: str
    help: str = ""


# Engines up to 26 say that nothing does not overlap any more, later ones that all pools are subnetted.
_NETWORKS = (
    _Rule(
        r"could not find an available,? (?:non-overlapping|predefined)|address pools have been fully subnetted"
        r"|no available IPv\d addresses|no available addresses on this pool",
        "networks-used-up",
        "The engine has no addresses left for another network.",
    ),
    _Rule(
        r"(Pool overlaps with other one on this address space|networks have (?:overlapping IPv\d|same bridge name)"
        r"|conflicts with existing route|failed to allocate gateway \(\S+\): Address already in use)",
        "network-overlap",
        "The stack's network cannot be made: {0}.",
    ),
    _Rule(
        r"network (\S+) was found but has incorrect label",
        "name-taken",
        "The network {0} exists and does not belong to this stack.",
        "Remove it with `docker network rm {0}`, or choose another name with --instance NAME.",
    ),
    _Rule(r"network ([0-9a-f]{12,64}) not found", "network-removed", "The network of a container was removed: {0}."),
    _Rule(
        r"(?:listen tcp\d? |failed to bind host port (?:for )?|exposing port TCP )(\S+?):\d+\b"
        r".*can(?:not|'t) assign requested",
        "bind-unavailable",
        "The engine's host does not have the address {0}.",
    ),
)
# run-claude has written them just before: whoever does not find them is kept from them.
_FILES = (
    _Rule(
        r"(?m)^(?:open|stat|lstat|couldn't (?:find|read) env file:|env file) (/[^:\n]+?):? "
        r"?(?:permission denied|no such file or directory|not found|$)",
        "files-out-of-reach",
        "The docker command cannot read {0}.",
    ),
    _Rule(
        r"(?s)Mounts denied:.*?(?:The path|approving) ([^\s:]+)|bind source path does not exist: (\S+)"
        r"|error while creating mount source path '([^']+)'",
        "files-out-of-reach",
        "The engine cannot mount {0}.",
    ),
    _Rule(
        r"relabeling (?:of|content in) (\S+) is not allowed|lsetxattr (\S+?):|error setting label on mount source"
        r" '([^']+)'|failed to set file label on (\S+?):",
        "selinux-denied",
        "SELinux does not let the engine label {0}.",
    ),
)
_BUILDERS = (
    _Rule(
        r"compose build requires buildx \S+ or later|the --\w+ option requires BuildKit|failed to get version of buildx"
        r"|BuildKit is enabled but the buildx component is missing|'buildx' is not a docker command|getBuildxPlugin",
        "buildx-missing",
        "The image cannot be built: Docker's plugin buildx is missing, too old or broken.",
    ),
    _Rule(
        r"client version (\S+) is too old\. Minimum supported API version",
        "docker-cli-too-old",
        "The docker command speaks API {0}, which this engine no longer accepts.",
    ),
    _Rule(
        r"client version \S+ is too new\. Maximum supported API version is (\S+)",
        "engine-too-old",
        "This Docker engine has API {0} at most.",
    ),
    _Rule(r"exec format error", "image-platform", "An image is not made for this engine's processor."),
    _Rule(
        r"exec: \"/bin/sh\": (?:stat|executable)",
        "database-image",
        "The database's image has no shell: it is none of PostgreSQL's official layout.",
    ),
)

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
    *_NETWORKS,
    *_FILES,
    *_BUILDERS,
    _Rule(r"no space left on device", "disk-full", "The disk of the Docker engine is full."),
    _Rule(r"No such image: (\S+)", "image-missing", "The image {0} does not exist."),
)

# Of what a build step prints, only how it reports a full disk is believed.
_PRINTED_FULL = rf"(?m)^{PRINTED}.*(?:\[Errno 28\]|\(os error 28\))"
# Of what a command in a container prints (`exec`, `run`), only the engine's and Compose's own words count.
_IN_CONTAINER = ("exec", "run")
_ENGINE_SAYS = r"Error response from daemon: |Cannot connect to the Docker daemon|failed to connect to the docker API"
_ENGINE_SAYS += r"|permission denied while trying to connect|error during connect: |unknown |docker: "


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
    if command.startswith("build") and (own := own_failure(stderr, tail, known)):
        return own
    spoken = _spoken(command, stderr)
    for rule in _RULES:
        found = re.search(rule.pattern, spoken, re.IGNORECASE)
        if found:
            group = next((text for text in found.groups() if text), "")
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
    """Return what Compose and the engine say themselves: neither what a build step printed, nor a container's command.

    That a build step found the disk full counts: that disk is the engine's.
    """
    if command.startswith(_IN_CONTAINER):
        return "\n".join(line for line in stderr.split("\n") if re.match(_ENGINE_SAYS, line))
    spoken = [line for line in stderr.split("\n") if not re.match(PRINTED, line)]
    if command.startswith("build") and re.search(_PRINTED_FULL, stderr):
        spoken.append("no space left on device")
    return "\n".join(spoken)

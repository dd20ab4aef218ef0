"""Messages of Compose, the docker command and the engine, and the cause that each has."""

from __future__ import annotations

from typing import NamedTuple

from run_claude.domain.diagnosis.patterns import DISK_IS_FULL, SOCKET

__all__ = ["RULES", "Rule"]


class Rule(NamedTuple):
    """A message of Compose or the engine, and its cause. ``{0}`` in the texts is the first group that matched."""

    pattern: str
    code: str
    message: str
    help: str = ""


# What the docker command says of its connection to the engine. Before everything else: it quotes what it asked for and
# what it got, which looks like any other request.
_CONNECTING = r"(?:error during connect|failed to connect to the docker API at)[^\n]{0,500}?"
_ENGINE = (
    Rule(
        rf"{_CONNECTING}((?:remote error: )?(?:tls|x509): [^\n]+|HTTP response to HTTPS client)"
        r"|(Client sent an HTTP request to an HTTPS server)",
        "engine-tls",
        "No TLS with the Docker engine: {0}",
    ),
    Rule(
        r"(?m)(?:^|daemon: )(Docker Desktop is [^\n]+|daemon not running)",
        "engine-not-running",
        "The Docker engine does not run: {0}",
    ),
    Rule(
        rf"{_CONNECTING}open //\./pipe/[^\s:]+: (Access is denied)",
        "engine-permission",
        "No permission to use the Docker engine: {0}.",
    ),
    Rule(
        r"Cannot connect to the Docker daemon at (\S+?)\.? |failed to connect to the docker API at ([^\s;]+)"
        rf"|{_CONNECTING}(?:open (//\./pipe/[^\s:]+): The system cannot find"
        r"|dial (?:unix|tcp) (\S+): connect: (?:connection refused|no such file))",
        "engine-not-running",
        "No Docker engine is running at {0}.",
    ),
    Rule(
        r"permission denied while trying to connect to the (?:Docker daemon socket|docker API) at (\S+?):?(?:\s|$)",
        "engine-permission",
        "No permission to use the Docker engine at {0}.",
    ),
    Rule(
        r"error during connect: ([^\n]+)|(request returned [^\n]*for API route and version [^\n]+)"
        r"|((?:Get|Head|Post|Put|Delete) \"?https?://(?:%2F|[^\s/\"]+/v1\.\d+/)[^\n]+)"
        r"|failed to receive status: (rpc error: code = Unavailable [^\n]+)",
        "engine-connection",
        "The connection to the Docker engine broke: {0}",
    ),
)
# Engines up to 26 say that nothing does not overlap any more, later ones that all pools are subnetted.
_NETWORKS = (
    Rule(
        r"could not find an available,? (?:non-overlapping|predefined)|address pools have been fully subnetted"
        r"|no available IPv\d addresses|no available addresses on this pool",
        "networks-used-up",
        "The engine has no addresses left for another network.",
    ),
    Rule(
        r"(Pool overlaps with other one on this address space|networks have (?:overlapping IPv\d|same bridge name)"
        r"|conflicts with existing route|failed to allocate gateway \(\S+\): Address already in use)",
        "network-overlap",
        "The stack's network cannot be made: {0}.",
    ),
    Rule(
        r"network (\S+) was found but has incorrect label",
        "name-taken",
        "The network {0} exists and does not belong to this stack.",
        "Remove it with `docker network rm {0}`, or choose another name with --instance NAME.",
    ),
    Rule(r"network ([0-9a-f]{12,64}) not found", "network-removed", "The network of a container was removed: {0}."),
    Rule(
        rf"(?:listen tcp\d? |failed to bind host port (?:for )?|exposing port TCP ){SOCKET}.*(?:can(?:not|'t) assign"
        r" requested|requested address is not valid|address family not supported)",
        "bind-unavailable",
        "The engine's host does not have the address {0}.",
    ),
    Rule(
        r"cannot expose privileged port (\d+)",
        "port-taken",
        "The engine runs without root's rights and may not publish port {0}.",
        "Choose a port of at least 1024: LITELLM_PORT (or --port), RUN_CLAUDE_TIMESCALEDB_PORT.",
    ),
    Rule(
        r"listen tcp\d? (\S+:\d+): [^\n]*forbidden by its access permissions",
        "port-taken",
        "Windows keeps a port for itself that the stack is to have: {0}.",
        "Choose another port: LITELLM_PORT (or --port), RUN_CLAUDE_TIMESCALEDB_PORT. `netsh interface ipv4 show"
        " excludedportrange protocol=tcp` shows which ones Windows keeps.",
    ),
)
# run-claude has written them just before: whoever does not find them is kept from them.
_FILES = (
    Rule(
        r"(?m)^(?:open|stat|lstat|couldn't (?:find|read) env file:|env file) (/[^:\n]+?):? "
        r"?(?:permission denied|no such file or directory|not found|$)",
        "files-out-of-reach",
        "The docker command cannot read {0}.",
    ),
    Rule(
        r"(?s)Mounts denied:.*?(?:The path|approving) ([^\s:]+)|bind source path does not exist: (\S+)"
        r"|error while creating mount source path '([^']+)'",
        "files-out-of-reach",
        "The engine cannot mount {0}.",
    ),
    Rule(
        r"(?m)relabeling (?:of|content in) (\S+) is not allowed|error setting label on mount source '([^']+)'"
        r"|failed to set file label on (\S+?):|lsetxattr (\S+?): xattr \"security\.selinux\""
        # Layers have other attributes as well, which not every file system takes.
        r"|^(?!.*(?:register|extract|apply) layer).*lsetxattr (\S+?):(?! xattr)",
        "selinux-denied",
        "SELinux does not let the engine label {0}.",
    ),
)
_BUILDERS = (
    Rule(
        r"compose build requires buildx \S+ or later|the --\w+ option requires BuildKit|failed to get version of buildx"
        r"|BuildKit is enabled but the buildx component is missing|'buildx' is not a docker command|getBuildxPlugin"
        r"|unknown (?:docker )?command: \"?(?:docker )?buildx|docker-buildx\S*: (?:no such file|permission denied|exec"
        r" format|executable file not found)",
        "buildx-missing",
        "The image cannot be built: Docker's plugin buildx is missing, too old or broken.",
    ),
    Rule(
        r"no builder (\"[^\"]+\"|\S+) found",
        "buildx-missing",
        "The image cannot be built: buildx has no builder {0}.",
        "`docker buildx ls` shows the builders: select one with `docker buildx use NAME`, or unset BUILDX_BUILDER.",
    ),
    Rule(
        r"client version (\S+) is too old\. Minimum supported API version",
        "docker-cli-too-old",
        "The docker command speaks API {0}, which this engine no longer accepts.",
    ),
    Rule(  # 1.44 is Engine 25's: run-claude needs no newer one
        r"client version \S+ is too new\. Maximum supported API version is (1\.(?:4[4-9]|[5-9]\d|\d{3}))",
        "engine-too-old",
        "The docker command is newer than the engine, which has API {0} at most.",
        "Update the engine, or set DOCKER_API_VERSION={0}.",
    ),
    Rule(
        r"client version \S+ is too new\. Maximum supported API version is (\S+)",
        "engine-too-old",
        "This Docker engine has API {0} at most.",
    ),
    Rule(r"(?<!/)exec:? \S+: exec format error", "image-platform", "An image is not made for this engine's processor."),
    Rule(
        r"exec: \"/bin/sh\": (?:stat|executable)",
        "database-image",
        "The database's image has no shell: it is none of PostgreSQL's official layout.",
    ),
)

# Matched in this order against stderr. Exit codes say less, and differ between releases.
RULES = (
    *_ENGINE,
    Rule(
        r"unknown (?:docker )?command: \"?(?:docker )?compose|unknown shorthand flag: 'f' in -f"
        r"|unknown flag: --file|'compose' is not a docker command",
        "compose-missing",
        "The docker command has no Compose plugin.",
    ),
    Rule(
        r"start interval\W+requires API version|start_interval.*not (?:allowed|supported)|unsupported .*start_interval",
        "engine-too-old",
        "This Docker engine is older than 25 and does not support `start_interval` for health checks.",
    ),
    Rule(
        r"Additional propert\w+ '?(\S+?)'? (?:(?:is|are) )?not allowed",
        "compose-too-old",
        "The Compose plugin does not know the key {0} in the compose file.",
    ),
    Rule(
        r"container name \"/?([^\"]+)\" is already in use",
        "name-taken",
        "The container name {0} is used by a container that does not belong to this stack.",
        "Remove it with `docker rm -f {0}`, or choose another name with --instance NAME.",
    ),
    Rule(
        r"(?:yaml|parsing) .*?line (\d+): (.+)|yaml: line (\d+): (.+)",
        "compose-file-invalid",
        "services/docker-compose.yaml is not valid YAML (line {0}).",
        "Correct the line, or replace the file with `run-claude install --force`.",
    ),
    *_NETWORKS,
    *_FILES,
    *_BUILDERS,
    Rule(rf"(?m)^{DISK_IS_FULL}", "disk-full", "The disk of the Docker engine is full."),
    Rule(r"No such image: (\S+)", "image-missing", "The image {0} does not exist."),
)

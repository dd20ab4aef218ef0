"""Causes before any container runs: engine, Compose, ports, networks, names."""

from __future__ import annotations

from run_claude.domain.causes.cause import Cause
from run_claude.errors import BusyError, ConfigError, ConflictError, EngineError, StartError

__all__ = ["CAUSES"]

CAUSES = (
    Cause(
        "engine-not-installed",
        EngineError,
        "Docker is not installed: there is no docker command and no engine socket.",
        "Install Docker Engine 25 or newer with Compose v2 from your system's packages or docs.docker.com.",
    ),
    Cause(
        "engine-not-running",
        EngineError,
        "No Docker engine listens at the endpoint.",
        "Start it (`sudo systemctl start docker`, Docker Desktop, or `scripts/engine`), then try again.",
        retryable=True,
    ),
    Cause(
        "engine-permission",
        EngineError,
        "You may not use the engine's socket.",
        "Add yourself to the `docker` group (`sudo usermod -aG docker $USER`), then log in again.",
    ),
    Cause(
        "engine-too-old",
        EngineError,
        "The engine is older than 25 and does not support `start_interval` for health checks, or older than the docker"
        " command speaks to.",
        "Update to Docker Engine 25 or newer.",
    ),
    Cause(
        "docker-cli-too-old",
        EngineError,
        "The docker command or its Compose plugin is older than the engine accepts.",
        "Update both to the engine's release, from the packages that the engine is from.",
    ),
    Cause(
        "engine-frozen",
        EngineError,
        "The engine accepts connections but does not answer.",
        "Run `docker ps`. If that hangs too, restart the engine.",
        retryable=True,
    ),
    Cause(
        "engine-connection",
        EngineError,
        "The connection to the engine broke, or another program answers at its endpoint.",
        "Run `docker info`. If that fails too, restart the engine.",
        retryable=True,
    ),
    Cause(
        "engine-refused",
        EngineError,
        "The engine answered with an error.",
        "Run `docker info`. If that fails too, restart the engine.",
    ),
    Cause(
        "engine-answer",
        EngineError,
        "The engine's answer cannot be understood.",
        "Run `docker info`. If the engine is newer than run-claude, update run-claude.",
    ),
    Cause(
        "engine-endpoint",
        EngineError,
        "The engine's endpoint is neither unix:// nor tcp://, or no address.",
        "Select an engine of this machine: unset DOCKER_HOST and DOCKER_CONTEXT, or run `docker context use default`.",
    ),
    Cause(
        "engine-remote",
        EngineError,
        "The engine is on another machine, or reached over ssh: the proxy's port would be published there, not here.",
        "Run run-claude on the engine's machine, forward the proxy's port with `ssh -L 4444:127.0.0.1:4444 HOST`, and "
        "use what `run-claude env` prints there. Or select an engine of this machine: unset DOCKER_HOST and "
        "DOCKER_CONTEXT, or run `docker context use default`.",
    ),
    Cause(
        "engine-podman",
        EngineError,
        "Podman answers instead of Docker. Its health checks have no `start_interval`, in no version so far.",
        "Install Docker Engine 25 or newer beside it, and select it: unset DOCKER_HOST and DOCKER_CONTEXT, or name its "
        "socket in DOCKER_HOST.",
    ),
    Cause(
        "docker-cli-podman",
        EngineError,
        "The docker command is Podman's (package podman-docker): it would start the containers in Podman.",
        "Remove podman-docker, and install Docker's own command with Compose v2 (packages docker-cli, docker-compose).",
    ),
    Cause(
        "engine-context",
        EngineError,
        "The selected Docker context does not exist or cannot be read.",
        "Run `docker context ls`, then select one with `docker context use NAME`, or unset DOCKER_CONTEXT.",
    ),
    Cause(
        "engine-tls",
        EngineError,
        "The TLS certificates for the engine's endpoint cannot be used, or one side does not take the other's.",
        "Check ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH.",
    ),
    Cause(
        "docker-cli-missing",
        EngineError,
        "There is no docker command, although an engine may be running.",
        "Install Docker Engine 25 or newer with Compose v2 (on Debian, `scripts/engine` does).",
    ),
    Cause(
        "compose-missing",
        EngineError,
        "The docker command has no Compose plugin.",
        "Install Compose v2 (package docker-compose-plugin, or docker-compose on Debian 13).",
    ),
    Cause(
        "compose-too-old",
        EngineError,
        "Compose does not know a key in the compose file.",
        "Update Compose to 2.20 or newer. If you edited services/docker-compose.yaml, check the key.",
    ),
    Cause(
        "buildx-missing",
        EngineError,
        "The image cannot be built: Docker's plugin buildx, with which Compose builds, is missing, too old or broken.",
        "Install or update buildx: the package docker-buildx-plugin, or docker-buildx on Debian.",
    ),
    Cause(
        "files-out-of-reach",
        EngineError,
        "The docker command, or the engine, does not see run-claude's files: a snap, Docker Desktop's file sharing, or"
        " another machine.",
        "If it is there (`ls -ld`): a Docker from a snap sees no hidden folders, so set RUN_CLAUDE_HOME and"
        " RUN_CLAUDE_STATE to others. In Docker Desktop, share the folder (Settings, Resources, File sharing).",
    ),
    Cause(
        "selinux-denied",
        StartError,
        "SELinux keeps a container from a file that it was given, or the engine from labelling it.",
        "`sudo ausearch -m avc -ts recent` shows what was denied; `chcon -Rt container_file_t FOLDER` allows the folder"
        " in the message to containers.",
    ),
    Cause(
        "compose-failed",
        StartError,
        "`docker compose` failed for an unknown reason.",
        "Run the command again with -v to see each Compose command and its full output.",
    ),
    Cause(
        "disk-full",
        StartError,
        "The disk of the engine, or of the database volume, is full.",
        "Free some space. `docker system df` shows what uses it; `docker builder prune` is safe.",
    ),
    Cause(
        "port-taken",
        ConflictError,
        "Another process or container uses the port; it is named where it can be seen. Or the engine may not"
        " publish it: a rootless one none below 1024.",
        "Stop it, or choose another port: LITELLM_PORT (or --port), RUN_CLAUDE_TIMESCALEDB_PORT.",
    ),
    Cause(
        "name-taken",
        ConflictError,
        "A container or a network that does not belong to this stack has the name.",
        "Remove it with `docker rm -f NAME` or `docker network rm NAME`, or choose another name with --instance NAME.",
    ),
    Cause(
        "bind-unavailable",
        ConfigError,
        "A port is to be published on an address that the engine's host does not have.",
        "Set RUN_CLAUDE_BIND (for the database: RUN_CLAUDE_TIMESCALEDB_BIND) to an address that `ip addr` shows there.",
    ),
    Cause(
        "networks-used-up",
        ConflictError,
        "The engine has no addresses left for another network.",
        "Remove networks that nothing uses (`docker network prune`), or give the engine more addresses:"
        " default-address-pools in /etc/docker/daemon.json.",
    ),
    Cause(
        "network-overlap",
        ConflictError,
        "The stack's network overlaps with another one of the engine, or with a route of its host, as of a VPN.",
        "`docker network ls` shows the networks, `ip route` the routes. Remove the other one, or give the engine other"
        " addresses: default-address-pools in /etc/docker/daemon.json.",
    ),
    Cause(
        "network-removed",
        ConflictError,
        "The network that a container was created on was removed, and Compose did not make the container anew.",
        "Run `run-claude proxy stop --all`, which removes the containers, then start again. Data stays.",
    ),
    Cause(
        "busy",
        BusyError,
        "Another run-claude command is working on this instance and did not finish in time.",
        "Wait for it, or stop it; the message names its pid.",
        retryable=True,
    ),
)

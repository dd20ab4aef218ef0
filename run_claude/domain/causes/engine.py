"""Causes before any container runs: engine, Compose, images, ports, names."""

from __future__ import annotations

from run_claude.domain.causes.cause import Cause
from run_claude.errors import BuildError, BusyError, ConflictError, EngineError, StartError

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
        "The engine is older than 25 and does not support `start_interval` for health checks.",
        "Update to Docker Engine 25 or newer.",
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
        "The engine's endpoint is neither unix:// nor tcp://.",
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
        "compose-failed",
        StartError,
        "`docker compose` failed for an unknown reason.",
        "Run the command again with -v to see each Compose command and its full output.",
    ),
    Cause(
        "base-image-network",
        BuildError,
        "A base image cannot be pulled: the registry cannot be reached.",
        "Check the engine's network, or use images that you have: set RUN_CLAUDE_PYTHON_IMAGE and "
        "RUN_CLAUDE_TIMESCALEDB_IMAGE.",
        retryable=True,
    ),
    Cause(
        "base-image-proxy",
        BuildError,
        "A base image cannot be pulled: the engine's HTTP proxy refuses the request or does not answer.",
        "Check the engine's proxy settings: `docker info` shows HTTP Proxy; daemon.json or systemd sets it.",
        retryable=True,
    ),
    Cause(
        "base-image-certificate",
        BuildError,
        "A base image cannot be pulled: the engine does not trust the registry's certificate.",
        "Add the CA on the engine's host (/etc/docker/certs.d/REGISTRY/ca.crt), then restart the engine.",
    ),
    Cause(
        "base-image-unknown",
        BuildError,
        "A base image cannot be pulled: it does not exist, or the registry denies access.",
        "Check RUN_CLAUDE_PYTHON_IMAGE and RUN_CLAUDE_TIMESCALEDB_IMAGE. If the registry needs a login, run "
        "`docker login`.",
    ),
    Cause(
        "build-failed",
        BuildError,
        "A step of the image build failed.",
        "Read the step's last lines above. `run-claude proxy build --no-cache -v` shows the full output.",
    ),
    Cause(
        "npm-unreachable",
        BuildError,
        "The image cannot be built: npm's registry, which has Prisma's engines, cannot be reached.",
        "Check the network, HTTPS_PROXY and NPM_CONFIG_REGISTRY; or set RUN_CLAUDE_PRISMA to native or off.",
        retryable=True,
    ),
    Cause(
        "npm-hash",
        BuildError,
        "The image cannot be built: npm's registry serves a package with another hash than the lock has.",
        "Check NPM_CONFIG_REGISTRY and any proxy on the way; or set RUN_CLAUDE_PRISMA to native or off.",
    ),
    Cause(
        "image-missing",
        BuildError,
        "The proxy's image does not exist.",
        "Build it with `run-claude proxy build`.",
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
        "Another process or container uses the port; it is named where it can be seen.",
        "Stop it, or choose another port: LITELLM_PORT (or --port), RUN_CLAUDE_TIMESCALEDB_PORT.",
    ),
    Cause(
        "name-taken",
        ConflictError,
        "A container that does not belong to this stack has the name.",
        "Remove it with `docker rm -f NAME`, or choose another name with --instance NAME.",
    ),
    Cause(
        "busy",
        BusyError,
        "Another run-claude command is working on this instance and did not finish in time.",
        "Wait for it, or stop it; the message names its pid.",
        retryable=True,
    ),
)

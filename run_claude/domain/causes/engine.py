"""Causes before any container runs: engine, Compose, image, ports and names."""

from __future__ import annotations

from run_claude.domain.causes.cause import Cause
from run_claude.errors import BuildError, BusyError, ConflictError, EngineError, StartError

__all__ = ["CAUSES"]

CAUSES = (
    Cause(
        "engine-not-installed",
        EngineError,
        "There is neither a docker command nor an engine's socket on this machine.",
        "Install Docker Engine 25 or newer with Compose v2, from your system's packages or docs.docker.com.",
    ),
    Cause(
        "engine-not-running",
        EngineError,
        "Nothing listens at the engine's endpoint.",
        "Start it (`sudo systemctl start docker`, Docker Desktop, or `scripts/engine`), then try again.",
        retryable=True,
    ),
    Cause(
        "engine-permission",
        EngineError,
        "The engine's socket is there, but not for this user.",
        "Add yourself to the `docker` group (`sudo usermod -aG docker $USER`) and log in again.",
    ),
    Cause(
        "engine-too-old",
        EngineError,
        "The engine is older than 25 and knows no `start_interval` of health checks.",
        "Update Docker to Engine 25 or newer.",
    ),
    Cause(
        "engine-frozen",
        EngineError,
        "The engine accepts connections and does not answer.",
        "Run `docker ps`; if that hangs too, restart the engine.",
        retryable=True,
    ),
    Cause(
        "engine-connection",
        EngineError,
        "The connection to the engine broke, or what answers there is no engine.",
        "Run `docker info`; if that fails too, restart the engine.",
        retryable=True,
    ),
    Cause(
        "engine-refused",
        EngineError,
        "The engine answered with an error of its own.",
        "Run `docker info`; if that fails too, restart the engine.",
    ),
    Cause(
        "engine-answer",
        EngineError,
        "The engine's answer cannot be understood.",
        "Run `docker info`; if the engine is newer than run-claude, update run-claude.",
    ),
    Cause(
        "engine-endpoint",
        EngineError,
        "The engine is at an endpoint of a kind that cannot be used, such as ssh://.",
        "Run run-claude on the engine's own machine, or select a local context with `docker context use`.",
    ),
    Cause(
        "engine-context",
        EngineError,
        "The selected Docker context does not exist or cannot be read.",
        "Run `docker context ls`, and `docker context use NAME` or unset DOCKER_CONTEXT.",
    ),
    Cause(
        "engine-tls",
        EngineError,
        "The TLS certificates of the engine's endpoint cannot be used.",
        "Check ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH.",
    ),
    Cause(
        "docker-cli-missing",
        EngineError,
        "An engine runs, but there is no docker command.",
        "Install Docker Engine 25 or newer with Compose v2 (`scripts/engine` does on Debian).",
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
        "Compose does not know a key of the compose file.",
        "Update Compose to 2.20 or newer; if you edited services/docker-compose.yaml, check that key.",
    ),
    Cause(
        "compose-failed",
        StartError,
        "`docker compose` failed for a reason that is not recognised.",
        "Run again with -v to see each command and all of its output.",
    ),
    Cause(
        "base-image-network",
        BuildError,
        "A base image cannot be pulled: its registry cannot be reached.",
        "Check the network (the engine's, not yours), or name images you have: RUN_CLAUDE_PYTHON_IMAGE,"
        " RUN_CLAUDE_TIMESCALEDB_IMAGE.",
        retryable=True,
    ),
    Cause(
        "base-image-proxy",
        BuildError,
        "A base image cannot be pulled: the HTTP proxy of the engine refuses or does not answer.",
        "Check the engine's own proxy settings (`docker info` shows HTTP Proxy; daemon.json or systemd sets it).",
        retryable=True,
    ),
    Cause(
        "base-image-certificate",
        BuildError,
        "A base image cannot be pulled: the engine does not trust the registry's certificate.",
        "Add the CA to the engine's machine (/etc/docker/certs.d/REGISTRY/ca.crt) and restart the engine.",
    ),
    Cause(
        "base-image-unknown",
        BuildError,
        "A base image cannot be pulled: the registry does not have it, or not for you.",
        "Check RUN_CLAUDE_PYTHON_IMAGE and RUN_CLAUDE_TIMESCALEDB_IMAGE; `docker login` where a registry wants it.",
    ),
    Cause(
        "build-failed",
        BuildError,
        "A step of the image's build failed.",
        "Read the step's last lines, above; `run-claude proxy build --no-cache -v` shows all of it.",
    ),
    Cause(
        "image-missing",
        BuildError,
        "The image of the proxy is gone.",
        "Build it with `run-claude proxy build`.",
    ),
    Cause(
        "disk-full",
        StartError,
        "The disk of the engine, or of the database's volume, is full.",
        "Free some: `docker system df` shows what takes it, `docker builder prune` is safe.",
    ),
    Cause(
        "port-taken",
        ConflictError,
        "A port belongs to another process or container; it is named where it can be seen.",
        "Stop it, or choose another port: LITELLM_PORT (or --port), RUN_CLAUDE_TIMESCALEDB_PORT.",
    ),
    Cause(
        "name-taken",
        ConflictError,
        "A container of our name exists that is not of this stack.",
        "Remove it with `docker rm -f NAME`, or choose another name with --instance NAME.",
    ),
    Cause(
        "busy",
        BusyError,
        "Another run-claude command works on this instance, and did not end in time.",
        "Wait for it, or end it; it is named with its pid.",
        retryable=True,
    ),
)

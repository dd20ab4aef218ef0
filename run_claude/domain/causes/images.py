"""Causes of images: what cannot be pulled or built."""

from __future__ import annotations

from run_claude.domain.causes.cause import Cause
from run_claude.errors import BuildError, StartError

__all__ = ["CAUSES"]

CAUSES = (
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
        "base-image-clock",
        BuildError,
        "A base image cannot be pulled: its certificate is not valid yet, or no more, by the engine's clock.",
        "Compare `date -u` on the engine's host with the true time: a virtual machine's clock stands still while it"
        " sleeps (restart Docker Desktop). If it is right, the registry needs a new certificate.",
    ),
    Cause(
        "base-image-limit",
        BuildError,
        "A base image cannot be pulled: the registry's limit of pulls is reached. The message says when to try again if"
        " the registry does.",
        "Docker Hub counts pulls over 6 hours: wait, or raise the limit with `docker login`. Or use images that you"
        " have: RUN_CLAUDE_PYTHON_IMAGE, RUN_CLAUDE_TIMESCALEDB_IMAGE.",
        retryable=True,
    ),
    Cause(
        "base-image-credentials",
        BuildError,
        "A base image cannot be pulled: the program that keeps Docker's logins is not installed, or fails.",
        "Make it work, or remove credsStore and credHelpers from Docker's config.json (~/.docker): public images need"
        " no login.",
    ),
    Cause(
        "base-image-registry",
        BuildError,
        "A base image cannot be pulled: the registry answers with an error of its own (HTTP 5xx).",
        "Try again later, or use images that you have: set RUN_CLAUDE_PYTHON_IMAGE and RUN_CLAUDE_TIMESCALEDB_IMAGE.",
        retryable=True,
    ),
    Cause(
        "image-platform",
        StartError,
        "An image is made for another processor than the engine's.",
        "Set RUN_CLAUDE_PYTHON_IMAGE or RUN_CLAUDE_TIMESCALEDB_IMAGE to an image for it: `docker info` shows the"
        " Architecture.",
        also=(BuildError,),
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
        "build-dns",
        BuildError,
        "The image cannot be built: the containers of the build cannot resolve names.",
        'If `docker pull` works, name your network\'s DNS servers in /etc/docker/daemon.json ({"dns": ["ADDRESS"]}) and'
        " restart the engine. Behind a proxy, set HTTPS_PROXY.",
        retryable=True,
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
)

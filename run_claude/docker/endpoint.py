"""Which engine: resolved once, by the docker CLI's own rules, and used for the API and for Compose alike.

aiodocker's own resolution lets the current context win over ``DOCKER_HOST`` and ignores ``DOCKER_CONFIG``;
the CLI has it the other way round. Left to themselves the two would start containers on one engine and
watch another.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.errors import EngineError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

__all__ = ["DEFAULT_HOST", "Endpoint", "resolve_endpoint"]

DEFAULT_HOST = "unix:///var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the engine's API is.

    :param host: as in ``DOCKER_HOST``: ``unix://``, ``tcp://`` or ``ssh://``
    :param context: the docker context it comes from; empty for ``DOCKER_HOST`` and for the default
    :param tls: folder with ``ca.pem``, ``cert.pem`` and ``key.pem`` for a ``tcp://`` host with TLS
    """

    host: str
    context: str = ""
    tls: Path | None = None
    verify: bool = True

    @property
    def socket(self) -> Path | None:
        """The unix socket, if it is one."""
        return Path(self.host.removeprefix("unix://")) if self.host.startswith("unix://") else None

    @property
    def url(self) -> str:
        """The API's address as HTTP clients want it."""
        if self.host.startswith("tcp://"):
            return ("https://" if self.tls else "http://") + self.host.removeprefix("tcp://")
        return self.host

    def environment(self) -> dict[str, str]:
        """Return the variables that make the docker CLI and Compose use this very engine."""
        if self.context and self.tls:
            return {"DOCKER_CONTEXT": self.context}  # the certificates are in the context's store
        variables = {"DOCKER_HOST": self.host}
        if self.tls:
            variables |= {"DOCKER_CERT_PATH": str(self.tls), "DOCKER_TLS_VERIFY": "1" if self.verify else ""}
        return variables

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS settings for the API, or ``None`` without TLS.

        :raises EngineError: if a certificate file cannot be read
        """
        if self.tls is None:
            return None
        import ssl

        try:
            context = ssl.create_default_context(cafile=str(self.tls / "ca.pem") if self.verify else None)
            if not self.verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            context.load_cert_chain(self.tls / "cert.pem", self.tls / "key.pem")
        except OSError as error:
            raise EngineError(
                f"The TLS certificates of the Docker endpoint {self.host} cannot be used: {error}",
                help=f"Check ca.pem, cert.pem and key.pem in {self.tls}.",
                code="engine-tls",
            ) from error
        return context


def resolve_endpoint(environ: Mapping[str, str] = os.environ) -> Endpoint:
    """Return the endpoint that the docker CLI would use: ``DOCKER_HOST``, ``DOCKER_CONTEXT``, the current context.

    :raises EngineError: if a context is named that does not exist, or no docker CLI is there to ask for it
    """
    if host := environ.get("DOCKER_HOST"):
        with_tls = host.startswith("tcp://") and "DOCKER_TLS_VERIFY" in environ
        certificates = environ.get("DOCKER_CERT_PATH") or str(_config_dir(environ))
        return Endpoint(host, tls=Path(certificates) if with_tls else None)
    context = environ.get("DOCKER_CONTEXT") or _current_context(environ)
    if context and context != "default":
        return _inspect_context(context, environ)
    return Endpoint(DEFAULT_HOST)


def _config_dir(environ: Mapping[str, str]) -> Path:
    if path := environ.get("DOCKER_CONFIG"):
        return Path(path)
    return Path(environ.get("HOME") or Path.home()) / ".docker"


def _current_context(environ: Mapping[str, str]) -> str:
    try:
        config = json.loads((_config_dir(environ) / "config.json").read_bytes())
        return str(config.get("currentContext") or "")
    except (OSError, ValueError, AttributeError):
        return ""  # no config, or one that the CLI itself warns about and passes over


def _inspect_context(name: str, environ: Mapping[str, str]) -> Endpoint:
    """Ask the CLI: how contexts are stored is its own business."""
    try:
        answer = subprocess.run(
            ["docker", "context", "inspect", name],
            capture_output=True,
            text=True,
            env=dict(environ),
            timeout=10,
        )
        docker = json.loads(answer.stdout)[0]
        endpoint = docker["Endpoints"]["docker"]
        host, skip_verify = str(endpoint["Host"]), bool(endpoint.get("SkipTLSVerify"))
        files = (docker.get("TLSMaterial") or {}).get("docker") or []
        store = Path(docker["Storage"]["TLSPath"]) / "docker" if files else None
    except FileNotFoundError as error:
        raise EngineError(
            f"The Docker context {name!r} is selected, but there is no docker command to resolve it.",
            help="Install the Docker CLI, or set DOCKER_HOST to the engine's socket.",
            code="docker-cli-missing",
        ) from error
    except (ValueError, LookupError, TypeError, subprocess.TimeoutExpired) as error:
        raise EngineError(
            f"The Docker context {name!r} cannot be used.",
            help="Run `docker context ls`, and `docker context use NAME` or unset DOCKER_CONTEXT.",
            code="engine-context",
        ) from error
    return Endpoint(host, context=name, tls=store, verify=not skip_verify)

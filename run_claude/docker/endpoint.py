"""Resolve the engine's endpoint once, by the docker CLI's rules, for the API and for Compose alike.

aiodocker would prefer the current context to ``DOCKER_HOST`` and ignore ``DOCKER_CONFIG``; the CLI does the opposite.
Left to themselves, the two would start containers on one engine and watch another.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

__all__ = ["DEFAULT_HOST", "Endpoint", "resolve_endpoint"]

DEFAULT_HOST = "unix:///var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of the engine's API.

    :param host: as in ``DOCKER_HOST``: ``unix://``, ``tcp://`` or ``ssh://``
    :param context: the docker context that names it; empty for ``DOCKER_HOST`` and for the default
    :param tls: the folder with ``ca.pem``, ``cert.pem`` and ``key.pem``, if a ``tcp://`` host uses TLS
    :param verify: whether to check the engine's certificate
    """

    host: str
    context: str = ""
    tls: Path | None = None
    verify: bool = True

    @property
    def socket(self) -> Path | None:
        """The path of the unix socket; ``None`` for other endpoints."""
        return Path(self.host.removeprefix("unix://")) if self.host.startswith("unix://") else None

    @property
    def url(self) -> str:
        """The API's address, as HTTP clients expect it."""
        if self.host.startswith("tcp://"):
            return ("https://" if self.tls else "http://") + self.host.removeprefix("tcp://")
        return self.host

    def environment(self) -> dict[str, str]:
        """Return the variables that make the docker CLI and Compose use this engine."""
        if self.context and self.tls:
            return {"DOCKER_CONTEXT": self.context}  # the certificates are in the context's store
        variables = {"DOCKER_HOST": self.host}
        if self.tls:
            variables |= {"DOCKER_CERT_PATH": str(self.tls), "DOCKER_TLS_VERIFY" if self.verify else "DOCKER_TLS": "1"}
        return variables

    def cli_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment whose docker CLI uses this engine, without what else the user has set for Docker."""
        kept = {name: value for name, value in environ.items() if not name.startswith("DOCKER_")}
        if config := environ.get("DOCKER_CONFIG"):
            kept["DOCKER_CONFIG"] = config
        return kept | self.environment()

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context for the API, or ``None`` without TLS.

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
            raise caused(
                "engine-tls",
                f"The TLS certificates of the Docker endpoint {self.host} cannot be used: {error}",
                help=f"Check ca.pem, cert.pem and key.pem in {self.tls}.",
            ) from error
        return context


def resolve_endpoint(environ: Mapping[str, str]) -> Endpoint:
    """Return the endpoint that the docker CLI would use: ``DOCKER_HOST``, ``DOCKER_CONTEXT``, the current context.

    :raises EngineError: if the context does not exist, or if there is no docker CLI to ask about it
    """
    if host := environ.get("DOCKER_HOST"):
        verify = bool(environ.get("DOCKER_TLS_VERIFY"))  # set and empty is as not set
        with_tls = host.startswith("tcp://") and (verify or bool(environ.get("DOCKER_TLS")))
        certificates = environ.get("DOCKER_CERT_PATH") or str(_config_dir(environ))
        return Endpoint(host, tls=Path(certificates) if with_tls else None, verify=verify or not with_tls)
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
        return ""  # no config, or a broken one, which the CLI ignores with a warning


def _inspect_context(name: str, environ: Mapping[str, str]) -> Endpoint:
    """Ask the CLI, which alone knows how it stores contexts."""
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
        raise caused(
            "docker-cli-missing",
            f"The Docker context {name!r} is selected, but there is no docker command to resolve it.",
            help="Install the Docker CLI, or set DOCKER_HOST to the engine's socket.",
        ) from error
    except (ValueError, LookupError, TypeError, subprocess.TimeoutExpired) as error:
        raise caused("engine-context", f"The Docker context {name!r} cannot be used.") from error
    return Endpoint(host, context=name, tls=store, verify=not skip_verify)

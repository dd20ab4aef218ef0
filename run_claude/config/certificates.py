"""Which CA bundle this machine trusts: a company's proxy signs with the company's CA."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from run_claude.config.environment import Environment

__all__ = ["system_ca"]

_SYSTEM_CA = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")


def system_ca(env: Environment) -> Path | None:
    """Return the CA bundle that this machine trusts.

    A company's proxy signs with the company's CA, which is in the system's bundle or in one of these variables.
    Outside Linux the engine runs in a virtual machine that does not share the system's folders, so that mounting the
    system's bundle would fail.
    """
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if (path := Path(env.get(name) or "/nonexistent")).is_file():
            return path.resolve()
    if sys.platform != "linux":
        return None
    return next((path.resolve() for path in map(Path, _SYSTEM_CA) if path.is_file()), None)

"""The targets as LiteLLM is configured with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .profiles import refusing
from .runner import cases, model_name
from .target import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .exchange import Exchange
    from .target import Target

__all__ = ["ACCOUNT", "model_list"]

WILDCARD = TARGETS["openai"]

# Runs where `cryptography` is; prints the credentials of a Google service account, which are a private key.
ACCOUNT = """
import json, sys
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(65537, 2048)
pem = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
account = {"type": "service_account", "project_id": "p", "private_key": pem, "client_email": "a@b"}
print(json.dumps(account | {"token_uri": sys.argv[1]}))
"""


def model_list(exchanges: Iterable[Exchange], base: str, account: str) -> list[dict[str, Any]]:
    """Return LiteLLM's `model_list`: each target, and one more deployment for each case that has to fail.

    :param base: the stub's address
    :param account: what `ACCOUNT` printed, for `{base}/token`
    """
    todo = cases(exchanges)
    targets = {model_name(case): case.target for case in todo}
    for case in todo:
        if (refused := case.exchange.refused_by) is not None:
            targets[refusing(case.exchange)] = TARGETS[refused[0]]
    rows = [_row(name, target, base, account) for name, target in targets.items()]
    # A provider's wildcard: LiteLLM knows whose a bare name is, and then it is served, and by nobody else.
    everything = _row(f"{WILDCARD.provider}/*", WILDCARD, base, account)
    everything["litellm_params"]["model"] = f"{WILDCARD.provider}/*"
    return [*rows, everything] if any(case.target is WILDCARD for case in todo) else rows


def _row(name: str, target: Target, base: str, account: str) -> dict[str, Any]:
    known = {"BASE": f"{base}/t/{target.name}", "ACCOUNT": account}
    params = {
        key: value.replace("BASE", known["BASE"]) if value != "ACCOUNT" else account
        for key, value in target.params.items()
        if value is not None
    }
    row: dict[str, Any] = {"model_name": name, "litellm_params": params}
    return row | ({"model_info": dict(target.info)} if target.info else {})

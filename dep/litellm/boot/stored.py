"""Models and credentials in LiteLLM's database: whoever administrates it may have put them there.

LiteLLM would resolve `os.environ/NAME` in them, so that a provider's key goes to any address. Such a model is not
served here, and such a credential not used. The guard refuses to store them; these came otherwise.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from boot.rules import names_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["leave_environment_alone", "overview"]

log = logging.getLogger("uvicorn.error")
_told: set[str] = set()


def leave_environment_alone() -> None:
    """Have LiteLLM load nothing from its database that names a variable of the environment."""
    from litellm.proxy.proxy_server import ProxyConfig

    add, decrypted, credential = (
        ProxyConfig._add_deployment,
        ProxyConfig.decrypt_model_list_from_db,
        ProxyConfig.decrypt_credentials,
    )

    def usable(models: list[Any]) -> list[Any]:
        return [model for model in models if not _refused("model", model.model_name, model.litellm_params)]

    def add_usable(self: Any, db_models: list[Any]) -> int:
        return add(self, usable(db_models))

    def decrypt_usable(self: Any, new_models: list[Any]) -> list[Any]:
        return decrypted(self, usable(new_models))

    def decrypt_credential(self: Any, given: Any) -> Any:
        found = credential(self, given)
        if _refused("credential", found.credential_name, found.credential_values):
            found.credential_values = {}
        return found

    ProxyConfig._add_deployment = add_usable
    ProxyConfig.decrypt_model_list_from_db = decrypt_usable
    ProxyConfig.decrypt_credentials = decrypt_credential


async def overview() -> dict[str, list[dict[str, Any]]]:
    """Return what the database has, by name: no secret of it."""
    from litellm.proxy.proxy_server import prisma_client

    if prisma_client is None:
        return {"models": [], "credentials": []}
    models = await prisma_client.db.litellm_proxymodeltable.find_many()
    credentials = await prisma_client.db.litellm_credentialstable.find_many()
    return {
        "models": [_described(row.model_name, row.litellm_params, row.created_by) for row in models],
        "credentials": [_described(row.credential_name, row.credential_values, row.created_by) for row in credentials],
    }


def _described(name: str, values: Mapping[str, Any], maker: str) -> dict[str, Any]:
    plain = _plain(values)
    address = next((str(plain[key]) for key in ("api_base", "base_url") if plain.get(key)), "")
    model = str(plain.get("model") or "")
    return {
        "name": name,
        "model": model,
        "address": address.partition("?")[0].rpartition("@")[2],
        "made_by": maker,
        "refused": _refers(plain),
    }


def _refused(kind: str, name: str, values: Mapping[str, Any]) -> bool:
    if not _refers(_plain(values)):
        return False
    if name not in _told:
        _told.add(name)
        said = "guard: a %s in the database names a variable of the environment, and is not used (doctor names it)"
        log.warning(said, kind)
    return True


def _refers(values: object) -> bool:
    return names_environment(json.dumps(values, default=str))


def _plain(values: Any) -> dict[str, Any]:
    """Return values without encryption; what is not encrypted stays."""
    from litellm.proxy.common_utils.encrypt_decrypt_utils import decrypt_value_helper

    given = json.loads(values) if isinstance(values, str) else dict(values)
    return {
        key: decrypt_value_helper(value=value, key=key, return_original_value=True) if isinstance(value, str) else value
        for key, value in given.items()
    }

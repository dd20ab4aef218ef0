"""The login of a Claude subscription: to Anthropic's own host, and to nobody else.

Claude Code sends its login as `Authorization: Bearer sk-ant-oat…`. A deployment gets it only if its `model_info` says
`run_claude.subscription` and it is Anthropic's own: no address of its own, no key of its own. Everything else that a
request carries to a deployment is without it, wherever it stands. Knows no LiteLLM.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["NoLogin", "settle"]

_LOGIN = "sk-ant-oat"
_HOST = "api.anthropic.com"
# What may hold headers for the provider. `secret_fields` is the request as it came; nothing sends it, and some log it.
_HEADERS = ("headers", "extra_headers", "default_headers")
_ADDRESSES = ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL")


class NoLogin(Exception):
    """A model of the subscription, in a request that brings no login."""

    status_code = 401


def settle(request: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return a request to a deployment with the login if it is for it, and without it otherwise.

    :raises NoLogin: if the deployment needs the login, and the request brings none
    """
    settled = {name: _without(value) if name in _HEADERS else value for name, value in request.items()}
    scoped = settled.get("provider_specific_header")
    if scoped:
        several = [_without_scoped(one) for one in (scoped if isinstance(scoped, list) else [scoped])]
        left = [one for one in several if not isinstance(one, dict) or one.get("extra_headers")]
        settled["provider_specific_header"] = left if len(left) > 1 else left[0] if left else None
    login = next(_logins(request), "")
    if settled.pop("secret_fields", None) is not None or login:
        settled["secret_fields"] = _without_login(request.get("secret_fields"))
    if not _is_subscription(request):
        if _is_login(settled.get("api_key")):
            settled["api_key"] = None
        return settled
    if not _is_own(request, environ):
        raise NoLogin("A model of the subscription may have no address of its own: it would get the login.")
    if not login:
        raise NoLogin(
            "This model needs the login of a Claude subscription, and the request brings none."
            " Log in to Claude Code: claude auth login"
        )
    return {**settled, "api_key": login}


def _is_subscription(request: Mapping[str, Any]) -> bool:
    info = request.get("model_info")
    own = info.get("run_claude") if isinstance(info, dict) else None
    return isinstance(own, dict) and own.get("subscription") is True


def _is_own(request: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    model = str(request.get("model") or "")
    provider = str(request.get("custom_llm_provider") or model.partition("/")[0])
    addresses = [request.get(name) for name in ("api_base", "base_url")] + [environ.get(name) for name in _ADDRESSES]
    parts = [urlsplit(str(address)) for address in addresses if address]
    if request.get("litellm_credential_name"):  # LiteLLM fills in what it holds after this, an address as well
        return False
    return provider == "anthropic" and all(
        part.scheme == "https" and part.hostname == _HOST and part.port in (None, 443) for part in parts
    )


def _logins(request: Mapping[str, Any]) -> Iterator[str]:
    """Yield the login, wherever a request has it."""
    secret = request.get("secret_fields")
    raw = secret.get("raw_headers") if isinstance(secret, dict) else getattr(secret, "raw_headers", None)
    scoped = request.get("provider_specific_header") or []
    for headers in (
        raw,
        *(one.get("extra_headers") for one in (scoped if isinstance(scoped, list) else [scoped]) if one),
        *(request.get(name) for name in _HEADERS),
    ):
        for name, value in headers.items() if isinstance(headers, dict) else ():
            if str(name).lower() == "authorization" and _is_login(value):
                yield _bare(value)
    if _is_login(key := request.get("api_key")):
        yield _bare(key)  # the second time that this is asked


def _bare(value: object) -> str:
    return str(value).strip().removeprefix("Bearer").removeprefix("bearer").strip()


def _is_login(value: object) -> bool:
    return isinstance(value, str) and _bare(value).startswith(_LOGIN)


def _without(headers: Any) -> Any:
    """Return headers without a login, under whatever name."""
    if not isinstance(headers, dict) or not any(_is_login(value) for value in headers.values()):
        return headers
    return {name: value for name, value in headers.items() if not _is_login(value)}


def _without_scoped(scoped: Any) -> Any:
    if not isinstance(scoped, dict):
        return scoped
    return {**scoped, "extra_headers": _without(scoped.get("extra_headers"))}


def _without_login(secret: Any) -> Any:
    if not isinstance(secret, dict):
        return secret
    return {**secret, "raw_headers": _without(secret.get("raw_headers"))}

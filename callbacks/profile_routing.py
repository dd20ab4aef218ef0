"""Send each request to the model that its profile has for it: names of Claude's, routes and fallbacks.

The profile is named by the header `x-run-claude-profile`, which the guard in front of LiteLLM sets by a client's key; a
request without it gets the one that the proxy was started with. The decision is in routing, the profiles in profiles.
LiteLLM does the rest: it knows fallbacks of a single request, and tries none once an answer has begun.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException
from litellm._logging import verbose_proxy_logger as log
from litellm.integrations.custom_logger import CustomLogger

from callbacks import upstreams
from callbacks.client_requests import is_limited, refused
from callbacks.profiles import Profiles
from callbacks.routing import Decision, decide, tier_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm import Router
    from litellm.router_utils.pattern_match_deployments import PatternMatchRouter

__all__ = ["HEADER", "instance"]

HEADER = "x-run-claude-profile"
_CALLS = frozenset({"acompletion", "anthropic_messages", "aresponses", "completion", "responses"})


class ProfileRouting(CustomLogger):
    """The callback."""

    def __init__(self) -> None:
        super().__init__()
        self._profiles = Profiles(log.warning)

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> dict[str, Any] | None:
        """Set a request's model and its fallbacks.

        :raises HTTPException: as :meth:`decision` does; 400 if a client's request says what it may not
        """
        upstreams.begin()
        request = data.get("proxy_server_request") or {}
        headers = request.get("headers") or {}
        _check_client(request.get("body") or data, headers)
        if call_type not in _CALLS or (decision := self.decision(data, headers)) is None:
            return None
        data["model"] = decision.model
        if decision.fallbacks:
            chain = list(decision.fallbacks)
            data["fallbacks"] = chain
            # Of answers that are refusals, LiteLLM looks for a fallback by the refusing model's name only.
            data["content_policy_fallbacks"] = [{model: chain} for model in (decision.model, *chain)]
            data["num_retries"] = 0  # the next model instead of the same one after a pause
        return data

    def decision(self, data: Mapping[str, Any], headers: Mapping[str, str]) -> Decision | None:
        """Return where a request goes; ``None`` where no profile is concerned.

        :raises HTTPException: 400 if it asks for a model, or names a profile, that there is not. Not 404: there Claude
            Code says in words of its own that there is an issue with the model, and hides which models there are.
        """
        name = data.get("model")
        if not isinstance(name, str):
            return None
        self._profiles.refresh()
        asked = headers.get(HEADER)
        profile_name = asked or self._profiles.default
        profile = self._profiles.by_name.get(profile_name)
        if profile is None:
            if not asked or not self._profiles.by_name:
                return None  # LiteLLM on its own
            raise HTTPException(400, f"This proxy knows no profile {asked!r}: `run-claude proxy start` makes it known.")
        found = decide(name, profile, data, profile_name=profile_name, named=bool(asked), serves=_serves)
        if not isinstance(found, Decision):
            raise HTTPException(400, found.message)
        return found

    def model_to_count(self, data: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        """Return the model by which a request's tokens are counted: for this, LiteLLM calls no hook (litellm#30469).

        :raises HTTPException: as :meth:`decision` does
        """
        _check_client(data, headers)
        found = self.decision(data, headers)
        return data.get("model") if found is None else found.model


def _check_client(body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    if is_limited(headers) and (name := refused(body, _own_parameters())):
        raise HTTPException(400, f"A client's key may not set {name!r}: where a request goes is the proxy's to say.")


@cache
def _own_parameters() -> frozenset[str]:
    """Return the names of LiteLLM's own parameters, as this release has them."""
    from litellm.types.router import LiteLLM_Params
    from litellm.types.utils import all_litellm_params

    return frozenset(LiteLLM_Params.model_fields) | frozenset(all_litellm_params)


def _serves(name: str) -> bool:
    """Tell whether the proxy would take a name: of a model, an alias, an id, or one that a wildcard fits."""
    from litellm.proxy.proxy_server import llm_router

    router: Router | None = llm_router
    if router is None:
        return False
    return (
        name in router.model_names
        or router.is_recognized_model(name)
        or name in router.deployment_names
        or router.default_deployment is not None
        or bool(router.router_general_settings.pass_through_all_models)
        or (len(router.pattern_router.patterns) > 0 and _fits(router.pattern_router, name))
    )


def _fits(patterns: PatternMatchRouter, name: str) -> bool:
    """Tell whether a wildcard serves a name. LiteLLM knows whose `gpt-4o` is, and then `openai/*` serves it as well.

    A name of Claude's is not looked for in that way: it has its tier.
    """
    return (patterns.route(name) if tier_of(name) else patterns.get_pattern(name)) is not None


instance = ProfileRouting()
